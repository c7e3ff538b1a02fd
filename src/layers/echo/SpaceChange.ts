/**
 * One change of a space before it is stamped and after it is stored: the body run over a draft, and what is answered for it.
 *
 * A change that was named by a command, and is done, is answered from its block: the body runs again over the objects that it made then,
 * for what it answers, and nothing of it is written. Where it does something else than was done, it is refused.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type ChangeSet, type Mutation, opCreate } from "../../schema/echo/ChangeSet.ts"
import { decodePlain } from "../../schema/echo/ChangeSetCodec.ts"
import { Draft, type Made, otherChange } from "../../schema/echo/Draft.ts"
import { decodeBlock } from "../../schema/echo/Feed.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import type { TypeIndex } from "../../schema/echo/ObjectType.ts"
import { isRepetition } from "../../schema/echo/Repetition.ts"
import type { SpaceState } from "../../schema/echo/SpaceState.ts"
import { ArgumentInvalid } from "../../schema/platform/ArgumentInvalid.ts"
import type { CommandPlace, SpaceFeeds } from "../../services/echo/FeedStore.ts"
import {
  ObjectMissing,
  ObjectUntyped,
  type Receipt,
  type Transaction,
  type WriteError
} from "../../services/echo/SpaceService.ts"
import type { Durability, StorageError } from "../../services/platform/Storage.ts"

export interface Committed<A> {
  readonly value: A
  readonly receipt: Receipt | null
}

/** How a change is to be written. */
export interface Writing {
  readonly durability: Durability
  readonly command?: string
}

type Body<A> = (transaction: Transaction) => A
export type Drafted = Draft<ObjectMissing | ObjectUntyped>

const refusals = { missing: (id: string) => new ObjectMissing({ id }), untyped: (id: string) => new ObjectUntyped({ id }) }

export const draftOf = (state: SpaceState, types: TypeIndex, before: Made | null = null): Drafted =>
  new Draft<ObjectMissing | ObjectUntyped>(state, types, refusals, before)

const transactionOf = (draft: Drafted): Transaction => ({
  create: (type, properties) => draft.create(type, properties),
  update: (object, patch) => void draft.update(object, patch),
  delete: (object) => draft.setDeleted(object, true),
  restore: (object) => draft.setDeleted(object, false),
  profile: ({ name, order }) => draft.profile(name, order)
})

/** Runs a body over a draft, and answers what it answered, or how the change is refused. */
export const drafting = <A>(draft: Drafted, body: Body<A>): Result.Result<A, Effect.Effect<never, WriteError>> => {
  const ran = Result.try(() => body(transactionOf(draft)))
  draft.end()
  const { refusal } = draft
  if (refusal !== null) return Result.fail(refusal.isFault ? Effect.die(refusal.error) : Effect.fail(refusal.error))
  if (Result.isFailure(ran)) return Result.fail(Effect.die(ran.failure))
  const given = ran.success
  if (isLater(given)) return Result.fail(Effect.die(new ArgumentInvalid({ call: "change", takes: synchronous, given })))
  return Result.succeed(given)
}

const synchronous = "a function that does all its work at once (wait, or run Effects, before or after it)"

/** Whether what a body answered is still to be done: writes in there would come after the commit. */
const isLater = (value: unknown): boolean => {
  if (Effect.isEffect(value)) return true
  if (typeof value !== "object" || value === null || !("then" in value) || typeof value.then !== "function") return false
  // what comes of it was refused: nobody is to be told that it failed
  value.then(undefined, () => {})
  return true
}

/** `textOf` names the feeds that the change set cites by number. */
export const receiptOf = (feed: string, changeSet: ChangeSet, textOf: (feed: number) => string): Receipt => ({
  feed,
  first: changeSet.first,
  count: changeSet.mutations.length,
  time: changeSet.time,
  deps: (changeSet.deps ?? []).map((dep) => ({ feed: textOf(dep.feed), counter: dep.counter }))
})

/** A change that was made, as a repetition of it is judged and answered. */
export interface Done {
  readonly receipt: Receipt
  readonly made: Made
  /** Whether these mutations are those that it did. */
  readonly is: (mutations: ReadonlyArray<Mutation>) => boolean
}

/** Runs the body of a change that was made again, and answers what it answers now; it dies when it is another change. */
export const repeating = <A>(state: SpaceState, types: TypeIndex, done: Done, body: Body<A>): Effect.Effect<A, WriteError> => {
  const draft = draftOf(state, types, done.made)
  const drafted = drafting(draft, body)
  if (Result.isFailure(drafted)) return drafted.failure
  return done.is(draft.mutations) ? Effect.succeed(drafted.success) : Effect.die(otherChange())
}

/** The change that stands at a place. */
export const changeAt = (
  feeds: SpaceFeeds,
  state: SpaceState,
  { feed, first, index }: CommandPlace
): Effect.Effect<Done, StorageError> =>
  Effect.map(feeds.read(feed.id, index, 0), ([block]) => {
    // stored by this device itself
    const plain = Result.getOrThrow(decodePlain(Result.getOrThrow(decodeBlock(block!.bytes))))
    const changeSet = plain.changeSets.find((each) => each.first === first)!
    const counters = changeSet.mutations.flatMap(({ op }, i) => (op === opCreate ? [first + i] : []))
    const receipt = receiptOf(feed.text, changeSet, (position) => feedText(plain.feeds[position - 1]!))
    const own = state.feeds.intern(feed.id)
    const feedOf = (position: number) => (position === 0 ? own : state.feeds.intern(plain.feeds[position - 1]!))
    const is = (mutations: ReadonlyArray<Mutation>) => isRepetition(changeSet.mutations, feedOf, mutations)
    return { receipt, made: { feed: own, counters }, is }
  })
