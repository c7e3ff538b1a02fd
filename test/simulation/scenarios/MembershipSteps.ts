/**
 * What the people of the scenario of membership do: steps of a plan, which name others by numbers alone.
 */
import * as Schema from "effect/Schema"
import { type ObjectOf, ObjectType } from "../../../src/schema/echo/ObjectType.ts"
import type { Transaction } from "../../../src/services/echo/SpaceService.ts"
import type { RoleName } from "../../../src/services/halo/SpaceMembership.ts"
import * as Workload from "../../../src/services/simulation/Workload.ts"

export const Task = ObjectType.make("Task", { title: Schema.String, count: Schema.Int })
export type Task = ObjectOf<typeof Task>

const kinds = [
  "write",
  "name",
  "admit",
  "remove",
  "demote",
  "removeDevice",
  "addDevice",
  "revokeDevice",
  "endorse",
  "policy",
  "leave",
  "reopen"
] as const

export const Deed = Schema.Struct({
  do: Schema.Literals(kinds),
  /** Which of the people, or of the tasks. */
  which: Schema.Int,
  /** A number to write; it says, too, which role, and from when on. */
  n: Schema.Int
})
export type Deed = typeof Deed.Type

/** Of a hundred steps, how many of each kind. */
const shares = {
  write: 37,
  admit: 20,
  remove: 8,
  demote: 4,
  removeDevice: 3,
  addDevice: 4,
  revokeDevice: 5,
  endorse: 6,
  policy: 3,
  leave: 2,
  name: 4,
  reopen: 4
}

const kindAt = (at: number): Deed["do"] => {
  let from = 0
  return kinds.find((kind) => at < (from += shares[kind])) ?? "write"
}

export const workload = Workload.make<Deed, Schema.Json>({
  step: Deed,
  count: 60,
  // two at a device do not wait for each other
  lane: ({ n }) => String(n % 2),
  by: (draw) => ({ do: kindAt(draw(100)), which: draw(1_000), n: draw(1_000) })
})

const offered: ReadonlyArray<RoleName> = ["editor", "admin", "editor", "reader", "admin", "owner"]

/** The role for which somebody is let in. */
export const roleFor = ({ n }: Deed): RoleName => offered[n % offered.length]!

/** The role that somebody keeps. */
export const capFor = ({ n }: Deed): Exclude<RoleName, "owner"> => (["reader", "editor", "admin"] as const)[n % 3]!

/** How long before now what somebody did is not to count, for one in three of those who take a right away; else undefined. */
export const compromiseSeconds = ({ n }: Deed): number | undefined => (n % 3 === 0 ? n % 7 : undefined)

/** How long before now a device was stolen, for half of those that are revoked. */
export const stolenSeconds = ({ n }: Deed): number | undefined => (n % 2 === 0 ? n % 7 : undefined)

/** One change: a task is made, changed, or deleted, or two are changed at once. Nothing where there is none. */
export const carryOut = (transaction: Transaction, { n, which }: Deed, tasks: ReadonlyArray<Task>, title: string): void => {
  const task = tasks[which % Math.max(1, tasks.length)]
  if (task === undefined || n % 5 < 2) return void transaction.create(Task, { title, count: n % 7 })
  if (n % 5 === 4 && n % 3 === 0) return void transaction.delete(task)
  transaction.update(task, n % 2 === 0 ? { title } : { count: n % 7 })
  if (n % 5 === 3) transaction.update(tasks[0]!, { count: n % 3 })
}
