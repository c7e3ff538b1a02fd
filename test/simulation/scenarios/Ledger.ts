/**
 * What the people of a scenario did: each intent before its call, each receipt after it, and what both must have written.
 *
 * It stands outside the world, as the journals of the demo stand outside the data folders. The rule from an intent to its mutations is
 * the API's promise and nothing more, so it shares nothing with the product.
 */

import type { Change, Mutation } from "../../../demo/naive.ts"
import type { Receipt } from "../../../src/services/echo/SpaceService.ts"

export interface Spot {
  readonly x: number
  readonly y: number
}

export interface Properties {
  readonly title: string
  readonly count: number
  readonly after?: string
  readonly spot: Spot
}

export interface Patch {
  readonly title?: string
  readonly count?: number
  readonly spot?: { readonly x?: number; readonly y?: number }
}

export type Step =
  | { readonly do: "create"; readonly properties: Properties }
  | { readonly do: "update"; readonly object: string; readonly patch: Patch }
  | { readonly do: "delete" | "restore"; readonly object: string }
  | { readonly do: "space"; readonly name: string }

/** A call. `done` is undefined while nobody knows, and for ever when its process did not live to say. */
export interface Entry {
  readonly peer: string
  readonly life: number
  readonly isStrict: boolean
  readonly steps: ReadonlyArray<Step>
  done: Receipt | null | undefined
  /** Its caller was told that it has been taken back. */
  isTakenBack: boolean
}

const put = (object: string, path: ReadonlyArray<string>, value: string | number | Spot): Mutation => ({
  op: "put",
  object,
  path,
  value: typeof value === "object" ? { ...value } : value
})

const stepMutations = (step: Step, id: string): ReadonlyArray<Mutation> => {
  switch (step.do) {
    case "space":
      return [{ op: "create", type: "troupe/space", version: 1 }, put(id, ["name"], step.name)]
    case "create": {
      const { after, count, spot, title } = step.properties
      const link = after === undefined ? [] : [put(id, ["after"], after)]
      return [
        { op: "create", type: "Note", version: 1 },
        put(id, ["title"], title),
        put(id, ["count"], count),
        ...link,
        put(id, ["spot"], spot)
      ]
    }
    case "update":
      // in the order in which the patch names them, a record leaf by leaf
      return Object.entries(step.patch).flatMap(([key, value]: [string, string | number | Partial<Spot>]) =>
        typeof value === "object"
          ? Object.entries(value).map(([leaf, number]) => put(step.object, [key, leaf], number))
          : [put(step.object, [key], value)]
      )
    default:
      return [{ op: "life", object: step.object, isDeleted: step.do === "delete" }]
  }
}

/** What a call whose first dot is (feed, first) must have written. */
const expand = (steps: ReadonlyArray<Step>, feed: string, first: number): ReadonlyArray<Mutation> => {
  const mutations: Array<Mutation> = []
  for (const step of steps) mutations.push(...stepMutations(step, `${feed}.${first + mutations.length}`))
  return mutations
}

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  )

/** Whether a change set holds what a call must have written, in that order. A leaf of a record that had the value already is left out. */
const isSame = (held: ReadonlyArray<Mutation>, expected: ReadonlyArray<Mutation>): boolean => {
  let at = 0
  for (const mutation of expected) {
    if (at < held.length && sorted(held[at]) === sorted(mutation)) at++
    else if (mutation.op !== "put" || mutation.path.length < 2) return false
  }
  return at === held.length
}

const depsText = (deps: Change["deps"]): string =>
  deps
    .map(({ counter, feed }) => `${feed} ${counter}`)
    .sort()
    .join()

export class Ledger {
  readonly entries: Array<Entry> = []

  intend(entry: Omit<Entry, "done" | "isTakenBack">): Entry {
    const written: Entry = { ...entry, done: undefined, isTakenBack: false }
    this.entries.push(written)
    return written
  }

  /**
   * What is wrong with change sets that a feed holds, beside what was done: a receipt that they do not bear out, and a change set that
   * nobody intended, or that was taken back. A relaxed write may be missing when its machine lost power; a strict one never.
   */
  compare(changes: ReadonlyArray<Change>): ReadonlyArray<string> {
    const problems: Array<string> = []
    const held = new Map(changes.map((change) => [`${change.feed} ${change.first}`, change]))
    const open = new Set(this.entries.filter(({ done, isTakenBack }) => done === undefined && !isTakenBack))
    for (const { done, isStrict, life, peer, steps } of this.entries) {
      if (done === undefined || done === null) continue
      const place = `${done.feed} ${done.first}`
      const change = held.get(place)
      const isIt = change !== undefined && change.time === done.time && depsText(change.deps) === depsText(done.deps)
      // the counters of a relaxed write that was lost are free again, since nobody ever saw it
      if (isIt) held.delete(place)
      else if (isStrict) problems.push(`lost: ${peer} in life ${life} was told that ${place} is durable, and no feed holds it`)
      if (isIt && !isSame(change.mutations, expand(steps, done.feed, done.first)))
        problems.push(`changed: ${place} of ${peer} says something else than was written`)
    }
    for (const change of held.values()) {
      const found = [...open].find(({ steps }) => isSame(change.mutations, expand(steps, change.feed, change.first)))
      if (found === undefined)
        problems.push(
          `invented: ${change.feed} holds a change set at ${change.first} that nobody intended, or that was taken back`
        )
      else open.delete(found)
    }
    return problems
  }
}
