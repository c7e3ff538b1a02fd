/** What the benches of objects and of idle peers write. */
import * as Schema from "effect/Schema"
import { type ObjectOf, ObjectType } from "../../src/schema/echo/ObjectType.ts"

export const Task = ObjectType.make("Task", {
  title: Schema.String,
  done: Schema.Boolean,
  count: Schema.Int,
  who: Schema.String,
  at: Schema.Number
})
export type Task = ObjectOf<typeof Task>
