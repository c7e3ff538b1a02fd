/**
 * What waits for the writer of a feed: change sets, whom to tell, and what is to be noted beside them.
 */
import type * as Exit from "effect/Exit"
import type { ChangeSet } from "../../schema/echo/ChangeSet.ts"
import { sizeOf } from "../../schema/echo/ChangeSetCodec.ts"
import { changeSetDepsMax, changeSetMutationsMax } from "../../schema/platform/Limits.ts"
import type { AppendError, Appended, Notes } from "../../services/echo/FeedStore.ts"
import type { Durability } from "../../services/platform/Storage.ts"

export type Done = (exit: Exit.Exit<Appended, AppendError>) => void

export interface Waiting {
  readonly changeSets: ReadonlyArray<ChangeSet>
  readonly durability: Durability
  readonly bytes: number
  readonly last: number
  readonly notes: Notes | null
  readonly done: Done
}

export const waitingOf = (
  changeSets: ReadonlyArray<ChangeSet>,
  durability: Durability,
  done: Done,
  notes: Notes | null
): Waiting => {
  let bytes = 0
  for (let i = 0; i < changeSets.length; i++) bytes += sizeOf(changeSets[i]!)
  const last = changeSets[changeSets.length - 1]
  return { changeSets, durability, bytes, last: last === undefined ? 0 : last.first + last.mutations.length - 1, notes, done }
}

export const isWithinCounts = ({ deps, mutations }: ChangeSet): boolean =>
  mutations.length <= changeSetMutationsMax && (deps === null || deps.length <= changeSetDepsMax)

/** Whether there is something to store, and its counters go on from those that were taken; they may skip some. */
export const continues = (changeSets: ReadonlyArray<ChangeSet>, taken: number): boolean => {
  let last = taken
  for (let i = 0; i < changeSets.length; i++) {
    const { first, mutations } = changeSets[i]!
    if (first <= last || mutations.length === 0) return false
    last = first + mutations.length - 1
  }
  return changeSets.length > 0
}

/** Tells each caller, although telling another of them crashed; then crashes as the first of them did. */
export const tellAll = (all: ReadonlyArray<{ readonly done: Done; readonly exit: Exit.Exit<Appended, AppendError> }>): void => {
  let crash: { readonly defect: unknown } | null = null
  for (const { done, exit } of all) {
    try {
      done(exit)
    } catch (defect) {
      crash ??= { defect }
    }
  }
  if (crash !== null) throw crash.defect
}

/** The notes of what goes with one flush, block by block: both kinds are in the order of the counters that they are about. */
export class PendingNotes {
  private readonly commands: Array<Notes["commands"][number]> = []
  private readonly copies: Array<Notes["copies"][number]> = []

  constructor(taken: ReadonlyArray<Waiting>) {
    for (const { notes } of taken) {
      if (notes === null) continue
      for (const command of notes.commands) this.commands.push(command)
      for (const copy of notes.copies) this.copies.push(copy)
    }
  }

  /** Those about change sets that begin at most at this counter, and were not taken before. */
  upTo(counter: number): Notes {
    return { commands: takeUpTo(this.commands, counter), copies: takeUpTo(this.copies, counter) }
  }
}

const takeUpTo = <A extends { readonly first: number }>(notes: Array<A>, counter: number): ReadonlyArray<A> => {
  const beyond = notes.findIndex(({ first }) => first > counter)
  return notes.splice(0, beyond < 0 ? notes.length : beyond)
}
