/**
 * What the people of a scenario did: each intent before its call, each receipt after it, and what both must have written.
 *
 * It stands outside the world, as the journals of the demo stand outside the data folders. The rule from an intent to its mutations is
 * the API's promise and nothing more, so it shares nothing with the product.
 */

import type { Change, Mutation } from "../../../demo/naive.ts"
import type { Receipt } from "../../../src/services/echo/SpaceService.ts"
import { type Found, isVoid } from "./feeds.ts"

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
  /** Seconds of virtual time at which it was done. */
  seconds: number
  /** The disk was put back to what it was before it, so that it may be gone. */
  isPutBack: boolean
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

/** Whether a mutation is the other, written anew: an object that is void, or was made with it, has another name there. */
const isAnew = (copy: Mutation, first: Mutation, found: Found): boolean => {
  if (sorted({ ...copy, object: "" }) !== sorted({ ...first, object: "" })) return false
  if (!("object" in first && "object" in copy)) return true
  return copy.object === first.object || first.object.startsWith(".") || isVoid(first.object, found)
}

/** Whether all of it is in there, in that order: what cannot be named any more is left out when it is written anew. */
const isWithin = (part: ReadonlyArray<Mutation>, steps: ReadonlyArray<Step>, found: Found): boolean => {
  const whole = expand(steps, "", 1)
  let at = 0
  for (const each of whole) if (at < part.length && isAnew(part[at]!, each, found)) at++
  return at === part.length
}

const depsText = (deps: Change["deps"]): string =>
  deps
    .map(({ counter, feed }) => `${feed} ${counter}`)
    .sort()
    .join()

export class Ledger {
  readonly entries: Array<Entry> = []
  private readonly forgetful = new Set<string>()

  intend(entry: Omit<Entry, "done" | "isTakenBack" | "seconds" | "isPutBack">): Entry {
    const written: Entry = { ...entry, done: undefined, isTakenBack: false, seconds: 0, isPutBack: false }
    this.entries.push(written)
    return written
  }

  /** The feed that a peer writes in, as far as it was told. */
  feedOf(peer: string): string | undefined {
    return this.entries.findLast((entry) => entry.peer === peer && entry.done != null)?.done?.feed
  }

  /** The disk of a peer is what it was at that second, and what was written to it since is gone; of what it wrote anew it may know nothing. */
  putBack(peer: string, since: number): void {
    this.forgetful.add(peer)
    for (const entry of this.entries) if (entry.peer === peer && entry.seconds > since) entry.isPutBack = true
  }

  /**
   * What is wrong with what a disk holds, beside what was done: a receipt that it does not bear out, and a change set that nobody intended, or
   * that was taken back. A relaxed write may be missing when its machine lost power; a strict one never. What a freeze made void has to be
   * there again, written anew in another feed.
   */
  compare(found: Found): ReadonlyArray<string> {
    const problems: Array<string> = []
    const counting = found.changes.filter(({ mutations }) => mutations.length > 0)
    const held = new Map(counting.map((change) => [`${change.feed} ${change.first}`, change]))
    const open = new Set(this.entries.filter(({ done, isTakenBack }) => done === undefined && !isTakenBack))
    const gone: Array<Entry> = []
    const said = new Map<string, Change>()
    for (const entry of this.entries) {
      const { done, isStrict, peer, steps } = entry
      if (done === undefined || done === null) continue
      const place = `${done.feed} ${done.first}`
      // two copies of a device that do the same at the same moment write the same block
      const change = held.get(place) ?? said.get(place)
      const isThere = change !== undefined && change.time === done.time && depsText(change.deps) === depsText(done.deps)
      const isSaid = isThere && isSame(change.mutations, expand(steps, done.feed, done.first))
      // a later one may have taken the counter of a relaxed one that was lost, and even its time
      if (isThere && (isSaid || isStrict)) {
        held.delete(place)
        said.set(place, change)
      } else gone.push(entry)
      if (isThere && isStrict && !isSaid) problems.push(`changed: ${place} of ${peer} says something else than was written`)
    }
    for (const problem of this.writtenAnew(gone, held, found)) problems.push(problem)
    for (const change of held.values()) {
      const { feed, first, mutations } = change
      const intended =
        [...open].find(({ steps }) => isSame(mutations, expand(steps, feed, first))) ??
        [...open].find(({ steps }) => isWithin(mutations, steps, found))
      if (intended !== undefined) open.delete(intended)
      else if (!this.isAgain(change, found))
        problems.push(
          `invented: ${feed} holds a change set at ${first} that nobody intended, that was taken back, or is there twice`
        )
    }
    return problems
  }

  /** What is not where it was written is somewhere else, of the same time and the same shape, if a fork has made it void. */
  private writtenAnew(gone: ReadonlyArray<Entry>, held: Map<string, Change>, found: Found): ReadonlyArray<string> {
    // who wrote to what another device has lost by a fork has lost that, too (docs/gaps.md)
    const mayBeLost = ({ steps }: Entry) => expand(steps, "", 1).some((each) => "object" in each && isVoid(each.object, found))
    const surest = [...gone].sort((a, b) => Number(mayBeLost(a)) - Number(mayBeLost(b)))
    return surest.flatMap((entry) => {
      const { done, isPutBack, isStrict, life, peer, steps } = entry
      const { feed, first, time } = done!
      const isElsewhere = (change: Change) => change.feed !== feed || change.first !== first
      const isAgain = (change: Change) => change.time === time && isElsewhere(change) && isWithin(change.mutations, steps, found)
      // of several of one time the one that says most: what is left out of one may be all that another says
      const [anew] = [...held]
        .filter(([, change]) => isAgain(change))
        .sort(([, a], [, b]) => b.mutations.length - a.mutations.length)
      if (anew !== undefined) held.delete(anew[0])
      if (anew !== undefined || !isStrict || isPutBack || mayBeLost(entry)) return []
      return isVoid(`${feed}.${first}`, found)
        ? [`lost: ${feed} ${first} of ${peer} was made void by a fork and is not written anew`]
        : [`lost: ${peer} in life ${life} was told that ${feed} ${first} is durable, and no feed holds it`]
    })
  }

  /** Whether a device whose disk was put back may have written it anew once more. */
  private isAgain({ mutations, time }: Change, found: Found): boolean {
    return this.entries.some(
      ({ done, peer, steps }) => this.forgetful.has(peer) && done?.time === time && isWithin(mutations, steps, found)
    )
  }
}
