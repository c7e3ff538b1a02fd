/**
 * An open space as applications hold it: the operations of the contract over `SpaceHandle`, whichever life is on.
 *
 * Every wait here ends when the space is closed, and every stream coalesces: a slow reader costs no memory. Between two lives reads wait.
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { frontierHash } from "../../schema/echo/Frontier.ts"
import type { Entry } from "../../schema/echo/Objects.ts"
import { demandType, ObjectInvalid, type ObjectOf, ObjectType, read, typeOf } from "../../schema/echo/ObjectType.ts"
import { type Delta, demandProperty, type QueryOptions, queryAll } from "../../schema/echo/Query.ts"
import { conflictedPaths } from "../../schema/echo/Shown.ts"
import { spaceTypeName } from "../../schema/echo/Space.ts"
import { stateHashSteps } from "../../schema/echo/StateHash.ts"
import { ArgumentInvalid, demandObject } from "../../schema/platform/ArgumentInvalid.ts"
import { commandBytesMax } from "../../schema/platform/Limits.ts"
import { countedLength, type StoredFeed } from "../../services/echo/FeedStore.ts"
import {
  type Conflict,
  ObjectMissing,
  PeerInvalid,
  type Query,
  QuorumInvalid,
  type Space,
  type SpaceClosed,
  type SpaceRestarted,
  type SpaceStatus
} from "../../services/echo/SpaceService.ts"
import type { SpaceMembership } from "../../services/halo/SpaceMembership.ts"
import type { Hash } from "../../services/platform/Crypto.ts"
import type { OpenSpace } from "./OpenSpace.ts"
import type { SpaceHandle } from "./SpaceHandle.ts"
import { flaggedOf, isSameStatus, statusOf } from "./SpaceStatus.ts"

/** The reserved object that holds a space's own properties. */
export const SpaceInfo = ObjectType.make(spaceTypeName, { name: Schema.String })

/** A read of the life that is on. */
const reading = <A>(handle: SpaceHandle, f: (life: OpenSpace) => A): Effect.Effect<A, SpaceClosed> => Effect.map(handle.live, f)

/**
 * A stream of what `take` finds each time that `subscribe`'s listener was called since; null is nothing.
 * Calls that come while the reader is busy count as one.
 */
export const coalesced = <A>(
  handle: SpaceHandle,
  subscribe: (wake: () => void) => { readonly take: () => A | null; readonly close: () => void }
): Stream.Stream<A, SpaceClosed> =>
  Stream.unwrap(
    Effect.gen(function* () {
      yield* handle.live
      const latch = yield* Latch.make(true)
      const wake = () => void latch.openUnsafe()
      const source = yield* Effect.acquireRelease(
        Effect.sync(() => subscribe(wake)),
        ({ close }) => Effect.sync(close)
      )
      yield* Effect.acquireRelease(
        Effect.sync(() => handle.onTurn(wake)),
        (stop) => Effect.sync(stop)
      )
      const next: Effect.Effect<A, SpaceClosed> = Effect.suspend(() => {
        if (handle.closed !== null) return Effect.fail(handle.closed)
        latch.closeUnsafe()
        const found = source.take()
        return found === null ? Effect.andThen(latch.await, next) : Effect.succeed(found)
      })
      return Stream.fromEffectRepeat(Effect.andThen(latch.await, next))
    })
  )

/** What a live query has to tell. Between two lives nothing: what was merged and not told may be lost. */
const deltas = <T extends ObjectType>(handle: SpaceHandle, type: T, options: QueryOptions<T>) =>
  coalesced<Delta<ObjectOf<T>>>(handle, (wake) => {
    const { close, take } = handle.queries.subscribe(type, options, wake)
    return { take: () => (handle.life === null ? null : take()), close }
  })

const queryOf = <T extends ObjectType>(
  handle: SpaceHandle,
  type: T,
  options: QueryOptions<T>
): Query<ObjectOf<T>, ObjectInvalid<T>> => {
  // read as this type
  const invalid = reading(
    handle,
    ({ state }) => queryAll(state.objects, type, options).invalid as ReadonlyArray<ObjectInvalid<T>>
  )
  const all = reading(handle, ({ state }) => queryAll(state.objects, type, options).objects)
  const changes = deltas(handle, type, options)
  const first = Stream.flatMap(changes, (delta) => Stream.fromIterable(delta.added)).pipe(
    Stream.runHead,
    Effect.flatMap((found) =>
      found._tag === "Some" ? Effect.succeed(found.value) : Effect.andThen(handle.awaitClosed, Effect.never)
    )
  )
  return { all, invalid, first, changes }
}

/** Waits until `holds`, asked again whenever anything may have changed, and for no longer than the life lasts. */
const until = (handle: SpaceHandle, life: OpenSpace, holds: () => boolean): Effect.Effect<void, SpaceClosed | SpaceRestarted> =>
  Effect.scoped(
    Effect.gen(function* () {
      const latch = yield* Latch.make(true)
      yield* Effect.acquireRelease(
        Effect.sync(() => handle.listen(() => void latch.openUnsafe())),
        (stop) => Effect.sync(stop)
      )
      const again: Effect.Effect<void, SpaceClosed | SpaceRestarted> = Effect.suspend(() => {
        const over = handle.closed ?? life.abandoned
        if (over !== null) return Effect.fail(over)
        latch.closeUnsafe()
        return holds() ? Effect.void : Effect.andThen(latch.await, again)
      })
      yield* again
    })
  )

/** Whether a life still shows blocks of an own feed that a proof has taken away: they are being written anew. */
const isLosing = ({ state }: OpenSpace, feed: StoredFeed): boolean => {
  const number = state.feeds.intern(feed.id)
  const counted = countedLength(feed)
  return counted < feed.length && (number === state.ownFeed || state.delivery.length(number) > counted)
}

const synced = (handle: SpaceHandle, peer: string | { readonly quorum: number }) =>
  Effect.flatMap(handle.live, (life) => {
    let { state } = life
    let { local } = state
    const isDurable = () => {
      // made anew, it counts in another feed, and holds what is durable alone
      if (life.state !== state) {
        state = life.state
        local = state.local
      }
      return life.durable() >= local
    }
    return Effect.flatMap(until(handle, life, isDurable), () => {
      const { peers, feeds } = life
      const wanted = new Map(feeds.list().map((feed) => [feed, countedLength(feed)]))
      let hasLost = false
      return until(handle, life, () => {
        const made = feeds.renewal.made()
        const isWaiting = made.some((feed) => isLosing(life, feed))
        hasLost ||= isWaiting || made.some((feed) => countedLength(feed) < (wanted.get(feed) ?? 0))
        if (isWaiting) return false
        // what feeds of this device have lost stands in others of them by now
        if (hasLost) for (const feed of made) wanted.set(feed, countedLength(feed))
        hasLost = false
        // what lies beyond the freeze of another's feed is asked of nobody
        const lengths = [...wanted].map(([feed, length]) => [feed.text, Math.min(length, countedLength(feed))] as const)
        return typeof peer === "string" ? peers.progress.has(peer, lengths) : peers.progress.count(lengths) >= peer.quorum
      })
    })
  })

/** It changes nothing, so that a crash only makes it begin again. */
const auditOf = (handle: SpaceHandle): Space["audit"] =>
  Effect.flatMap(handle.live, (life) =>
    Effect.raceFirst(
      Effect.map(life.feeds.audit, (audit) => ({ ...audit, flagged: flaggedOf(life) })),
      Effect.andThen(
        until(handle, life, () => false),
        Effect.never
      )
    )
  ).pipe(Effect.catchTag("SpaceRestarted", () => auditOf(handle)))

const statuses = (handle: SpaceHandle): Space["status"] =>
  coalesced(handle, (wake) => {
    let last: SpaceStatus | null = null
    const take = () => {
      const before = last
      if (handle.life !== null) last = statusOf(handle.life)
      else if (last !== null) last = { ...last, connected: [], restarting: handle.crashed }
      return last === null || (before !== null && isSameStatus(before, last)) ? null : last
    }
    return { take, close: handle.listen(wake) }
  })

const conflictsOf = ({ state }: OpenSpace, entry: Entry, key: string): ReadonlyArray<Conflict> => {
  const below = [...conflictedPaths(entry)].filter((path) => path[0] === key && path.length > 1)
  return [[key], ...below].flatMap((path) =>
    state.objects
      .conflicts(entry, path)
      .map(({ dot, time, value }) => ({ path, value, dot: { feed: state.feeds.text(dot.feed), counter: dot.counter }, time }))
  )
}

const conflictCount = (space: OpenSpace): number => {
  let count = 0
  for (const entry of space.state.objects.all()) for (const _ of conflictedPaths(entry)) count++
  return count
}

const stateHashOf = (handle: SpaceHandle, hash: Hash): Effect.Effect<string, SpaceClosed> =>
  Effect.gen(function* () {
    for (;;) {
      const { objects } = (yield* handle.live).state
      const steps = stateHashSteps(objects, hash)
      // a space that was rebuilt or restarted meanwhile has other objects
      while (handle.closed === null && handle.life?.state.objects === objects) {
        const step = steps.next()
        if (step.done === true) return step.value
        yield* Effect.yieldNow
      }
    }
  })

/** The space's own object: the first one made, should there be several. */
const nameOf = (space: OpenSpace): string => queryAll(space.state.objects, SpaceInfo, {}).objects[0]?.name ?? ""

/** Why something can never be synced, or null. */
const neverSynced = (
  peer: string | { readonly quorum: number },
  { device, members }: Given
): PeerInvalid | QuorumInvalid | null => {
  if (typeof peer === "string") {
    return peer !== device && members().includes(peer) ? null : new PeerInvalid({ peer, isOwn: peer === device })
  }
  demandObject("synced", "a device's text or { quorum }", peer)
  const others = members().filter((member) => member !== device).length
  const { quorum } = peer
  if (typeof quorum !== "number") throw new ArgumentInvalid({ call: "synced", takes: "a number as quorum", given: quorum })
  return Number.isInteger(quorum) && quorum >= 0 && quorum <= others ? null : new QuorumInvalid({ quorum, others })
}

/** What a face needs besides its space. */
export interface Given {
  /** This device, as text. */
  readonly device: string
  readonly ticket: string
  /** The keys of all member devices, as text, as they are now. */
  readonly members: () => ReadonlyArray<string>
  readonly membership: SpaceMembership
  readonly hash: Hash
  readonly close: Effect.Effect<void>
}

const aCommand = `a name that is not empty and has at most ${commandBytesMax} bytes (such as a UUID)`
const isCommand = (given: unknown): boolean =>
  typeof given === "string" && given !== "" && given.isWellFormed() && utf8.encode(given).length <= commandBytesMax
const utf8 = new TextEncoder()

export const faceOf = (handle: SpaceHandle, given: Given): Space => {
  const { ticket, members, membership, hash, close } = given
  const shown = <T extends ObjectType>({ state }: OpenSpace, type: T, entry: Entry | undefined): ObjectOf<T> | undefined => {
    if (entry === undefined || entry.isDeleted || entry.kind?.name !== type.name) return undefined
    const object = read(type, state.objects, entry)
    return object instanceof ObjectInvalid ? undefined : object
  }
  const commit: Space["change"] = (body, options) =>
    Effect.suspend(() => {
      const durability = options?.durability ?? "strict"
      if (durability !== "strict" && durability !== "relaxed")
        throw new ArgumentInvalid({ call: "durability", takes: `"strict" or "relaxed"`, given: durability })
      const command = options?.command
      if (command === undefined) return handle.commit(body, { durability })
      if (!isCommand(command)) throw new ArgumentInvalid({ call: "command", takes: aCommand, given: command })
      return handle.commit(body, { durability, command })
    })
  const find = ({ state }: OpenSpace, id: string) => state.objects.findId(id)
  /** The object as it is now, deleted or not, read as the type that it was read as before. */
  const again = <T extends ObjectType>(
    object: ObjectOf<T> | ObjectInvalid<T>
  ): Effect.Effect<ObjectOf<T>, ObjectMissing | ObjectInvalid<T> | SpaceClosed> =>
    Effect.flatMap(handle.live, (life): Effect.Effect<ObjectOf<T>, ObjectMissing | ObjectInvalid<T>> => {
      const entry = find(life, object.id)
      const type = typeOf(object) ?? handle.types.ofEntry(entry ?? null)
      // taken back meanwhile, after it was durable: only when this device's own feed was rolled back
      if (entry === undefined || type === undefined) return Effect.fail(new ObjectMissing({ id: object.id }))
      const now = read(type as T, life.state.objects, entry)
      return now instanceof ObjectInvalid ? Effect.fail(now as ObjectInvalid<T>) : Effect.succeed(now)
    })
  return {
    id: handle.id,
    ticket,
    get members() {
      return members()
    },
    name: reading(handle, nameOf),
    membership,
    create: (type, properties, options) =>
      Effect.map(
        commit((transaction) => transaction.create(type, properties), options),
        ({ value }) => value
      ),
    update: (object, patch, options) =>
      Effect.flatMap(
        commit((transaction) => transaction.update(object, patch), options),
        () => again(object)
      ),
    delete: (object, options) => Effect.asVoid(commit((transaction) => transaction.delete(object), options)),
    restore: (object, options) => Effect.asVoid(commit((transaction) => transaction.restore(object), options)),
    change: (body, options) => commit(body, options),
    get: (type, id) =>
      reading(handle, (life) => {
        demandType("get", type)
        handle.types.note(type)
        if (typeof id !== "string")
          throw new ArgumentInvalid({ call: `get(${type.name}, …)`, takes: "an object's id", given: id })
        return shown(life, type, find(life, id))
      }),
    query: (type, options) => {
      demandType("query", type)
      handle.types.note(type)
      return queryOf(handle, type, options ?? {})
    },
    conflicts: (object, key) =>
      reading(handle, (life) => {
        demandObject("conflicts", "an object of the space", object)
        const entry = find(life, object.id)
        const type = typeOf(object) ?? handle.types.ofEntry(entry ?? null)
        if (type !== undefined) demandProperty("conflicts", type, key)
        return entry === undefined ? [] : conflictsOf(life, entry, key)
      }),
    conflictCount: reading(handle, conflictCount),
    stateHash: stateHashOf(handle, hash),
    frontier: reading(handle, (life) => Hex.encode(frontierHash(life.frontier(), hash))),
    status: statuses(handle),
    synced: (peer) =>
      Effect.andThen(
        Effect.suspend(() => {
          const never = neverSynced(peer, given)
          return never === null ? Effect.void : Effect.fail(never)
        }),
        synced(handle, peer)
      ),
    audit: auditOf(handle),
    closed: handle.awaitClosed,
    close
  }
}
