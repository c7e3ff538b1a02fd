/**
 * What the people of the scenario of replication do: steps of a plan, and how each becomes a change of the notes that are there.
 *
 * A step names a note by a number alone, since nobody knows when a plan is made which notes will be there; so steps can be cut from it.
 */
import * as Schema from "effect/Schema"
import { type ObjectOf, ObjectType } from "../../../src/schema/echo/ObjectType.ts"
import type { Transaction } from "../../../src/services/echo/SpaceService.ts"
import * as Workload from "../../../src/services/simulation/Workload.ts"
import type { Patch, Properties, Step } from "./Ledger.ts"

export const Note = ObjectType.make("Note", {
  title: Schema.String,
  count: Schema.Int,
  after: Schema.optionalKey(Schema.String),
  spot: Schema.Struct({ x: Schema.Number, y: Schema.Number })
})

const writes = ["create", "update", "both", "two", "delete", "restore"] as const

/** So few that notes come to have one, and to have it no more. */
const counts = 5

export const Doing = Schema.Struct({
  do: Schema.Literals([...writes, "several", "talk", "reopen", "synced"]),
  /** Which of the notes, or of the peers. */
  which: Schema.Int,
  /** A number to write; it says, too, which property. */
  n: Schema.Int,
  strict: Schema.Boolean
})
export type Doing = typeof Doing.Type

/** Some 40 of them write, some of these several at once. */
export const workload = Workload.make<Doing, Schema.Json>({
  step: Doing,
  count: 60,
  // two at a device do not wait for each other
  lane: ({ n }) => String(n % 2),
  by: (draw) => {
    const kind = draw(60)
    const doing =
      kind < 12 ? "create" : kind < 28 ? "update" : kind < 32 ? "both" : kind < 36 ? "two" : kind < 38 ? "delete" : "restore"
    return {
      do: kind < 40 ? doing : kind < 49 ? "synced" : kind < 55 ? "several" : kind < 57 ? "talk" : "reopen",
      which: draw(1_000),
      n: draw(1_000),
      strict: draw(5) > 0
    }
  }
})

export type Writes = ReadonlyArray<readonly [millis: number, write: Doing]>

/** What a program writes without waiting for any of it, of both durabilities, and after how many milliseconds: at once, or quickly. */
export const severalOf = (doing: Doing): Writes =>
  Array.from({ length: 2 + (doing.n % 4) }, (_, i) => {
    const n = doing.n + 7 * i
    const write: Doing = { do: writes[n % 3]!, which: doing.which + i, n, strict: (Math.floor(doing.n / 4) + i) % 2 === 0 }
    return [i * [0, 0, 10, 150][doing.which % 4]!, write]
  })

/** What somebody says word by word, and what another says when he is shown the first: blocks of the one come between changes of the other. */
export const talkOf = (doing: Doing): readonly [own: Writes, answer: Writes] => {
  const said = (words: number, pause: number, from: number): Writes =>
    Array.from({ length: words }, (_, i) => [i * pause, { do: "update", which: doing.which + i, n: from + i, strict: true }])
  return [said(8, 2, doing.n), said(6, 1, doing.n + 1)]
}

export interface Shown {
  readonly id: string
  readonly spot: { readonly x: number; readonly y: number }
}

/** What a step does to the notes that are shown; nothing where there is none. */
export const changesOf = (doing: Doing, notes: ReadonlyArray<Shown>, title: string, last: string | undefined): Array<Step> => {
  const { n, which } = doing
  const note = notes[which % Math.max(1, notes.length)]
  const link = last === undefined ? {} : { after: last }
  const properties: Properties = { title, count: n % counts, ...link, spot: { x: n % 10, y: which % 10 } }
  const create: Step = { do: "create", properties }
  if (note === undefined) return [create]
  const update: Step = { do: "update", object: note.id, patch: patchOf(n, title, note) }
  switch (doing.do) {
    case "create":
      return [create]
    case "update":
      return [update]
    case "both":
      return [create, update]
    case "two":
      return [update, { do: "update", object: notes[0]!.id, patch: { count: n % counts } }]
    default:
      return [{ do: doing.do === "delete" ? "delete" : "restore", object: note.id }]
  }
}

const patchOf = (n: number, title: string, { spot }: Shown): Patch => {
  const kind = n % 4
  if (kind === 0) return { title }
  if (kind === 1) return { count: (n >> 2) % counts }
  return kind === 2 ? { spot: { x: n % 100, y: spot.y } } : { spot: { x: n % 100, y: n % 7 }, count: (n >> 2) % counts }
}

/** Carries them out in one change. */
export const carryOut = (
  transaction: Transaction,
  steps: ReadonlyArray<Step>,
  byId: ReadonlyMap<string, ObjectOf<typeof Note>>
): void => {
  for (const step of steps) {
    if (step.do === "create") transaction.create(Note, step.properties)
    else if (step.do === "update") transaction.update(byId.get(step.object)!, step.patch as object)
    else if (step.do === "delete") transaction.delete(byId.get(step.object)!)
    else if (step.do === "restore") transaction.restore(byId.get(step.object)!)
  }
}
