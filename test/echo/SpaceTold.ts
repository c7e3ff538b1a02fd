/** What the tests of restarts share: an object, and what is told of it and of the supervisors. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type ObjectOf, ObjectType } from "../../src/schema/echo/ObjectType.ts"
import type { Delta } from "../../src/schema/echo/Query.ts"
import type { Lifecycle, Supervisor } from "../../src/services/actor/Supervisor.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"

export const Task = ObjectType.make("Task", { title: Schema.String, at: Schema.Struct({ x: Schema.Number }) })
export const task = (title: string) => ({ title, at: { x: 1 } })

/** Runs an effect beside the test, which looks at what became of it. */
export const aside = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

export const eventsOf = (supervisor: Supervisor["Service"]) =>
  Effect.gen(function* () {
    const events: Array<string> = []
    const note = ({ _tag, child, supervisor }: Lifecycle) => void events.push(`${_tag} ${supervisor}/${child}`)
    yield* Effect.forkScoped(
      Stream.runForEach(supervisor.events, (event) => Effect.sync(() => note(event))),
      { startImmediately: true }
    )
    return events
  })

export const line = ({ added, removed, updated }: Delta<ObjectOf<typeof Task>>) =>
  [
    ...added.map(({ title }) => `+${title}`),
    ...updated.map(({ title }) => `~${title}`),
    ...removed.map(({ title }) => `-${title}`)
  ].join(" ")

/** What a listener of a live query is told, delta by delta. */
export const toldOf = (space: Space) =>
  Effect.gen(function* () {
    const told: Array<string> = []
    yield* Effect.forkScoped(
      Stream.runForEach(space.query(Task).changes, (delta) => Effect.sync(() => told.push(line(delta)))),
      { startImmediately: true }
    )
    return told
  })
