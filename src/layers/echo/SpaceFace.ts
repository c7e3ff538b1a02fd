/**
 * An open space as applications hold it: the operations of the contract over `OpenSpace`.
 *
 * Every wait here ends when the space is closed, and every stream coalesces: a slow reader costs no memory.
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Latch from "effect/Latch"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { frontierHash } from "../../schema/echo/Frontier.ts"
import type { Entry } from "../../schema/echo/Objects.ts"
import { demandType, ObjectInvalid, type ObjectOf, ObjectType, read, typeOf, unfitCount } from "../../schema/echo/ObjectType.ts"
import { type Delta, demandProperty, type QueryOptions, queryAll } from "../../schema/echo/Query.ts"
import { conflictedPaths } from "../../schema/echo/Shown.ts"
import { spaceTypeName } from "../../schema/echo/Space.ts"
import { stateHashSteps } from "../../schema/echo/StateHash.ts"
import { ArgumentInvalid, demandObject } from "../../schema/platform/ArgumentInvalid.ts"
import { countedLength } from "../../services/echo/FeedStore.ts"
import {
  type Conflict,
  ObjectMissing,
  PeerInvalid,
  type Query,
  QuorumInvalid,
  type Space,
  type SpaceClosed,
  type SpaceStatus
} from "../../services/echo/SpaceService.ts"
import type { Hash } from "../../services/platform/Crypto.ts"
import type { OpenSpace } from "./OpenSpace.ts"

/** The reserved object that holds a space's own properties. */
export const SpaceInfo = ObjectType.make(spaceTypeName, { name: Schema.String })

/** A read that fails once the space is closed. */
const reading = <A>(space: OpenSpace, f: () => A): Effect.Effect<A, SpaceClosed> =>
  Effect.suspend(() => (space.closed === null ? Effect.succeed(f()) : Effect.fail(space.closed)))

/**
 * A stream of what `take` finds each time that `subscribe`'s listener was called since; null is nothing.
 * Calls that come while the reader is busy count as one.
 */
const coalesced = <A>(
  space: OpenSpace,
  subscribe: (wake: () => void) => { readonly take: () => A | null; readonly close: () => void }
): Stream.Stream<A, SpaceClosed> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const latch = yield* Latch.make(true)
      const wake = () => void latch.openUnsafe()
      const source = yield* Effect.acquireRelease(
        Effect.sync(() => subscribe(wake)),
        ({ close }) => Effect.sync(close)
      )
      yield* Effect.acquireRelease(
        Effect.sync(() => space.onEnd(wake)),
        (stop) => Effect.sync(stop)
      )
      const next: Effect.Effect<A, SpaceClosed> = Effect.suspend(() => {
        if (space.closed !== null) return Effect.fail(space.closed)
        latch.closeUnsafe()
        const found = source.take()
        return found === null ? Effect.andThen(latch.await, next) : Effect.succeed(found)
      })
      return Stream.fromEffectRepeat(Effect.andThen(latch.await, next))
    })
  )

const queryOf = <T extends ObjectType>(
  space: OpenSpace,
  type: T,
  options: QueryOptions<T>
): Query<ObjectOf<T>, ObjectInvalid<T>> => {
  // read as this type
  const invalid = reading(space, () => queryAll(space.state.objects, type, options).invalid as ReadonlyArray<ObjectInvalid<T>>)
  const all = reading(space, () => queryAll(space.state.objects, type, options).objects)
  const changes = coalesced<Delta<ObjectOf<T>>>(space, (wake) => space.queries.subscribe(type, options, wake))
  const first = Stream.flatMap(changes, (delta) => Stream.fromIterable(delta.added)).pipe(
    Stream.runHead,
    Effect.flatMap((found) =>
      found._tag === "Some" ? Effect.succeed(found.value) : Effect.andThen(space.awaitClosed, Effect.never)
    )
  )
  return { all, invalid, first, changes }
}

/** Waits until `holds`, asked again whenever anything may have changed. */
const until = (space: OpenSpace, holds: () => boolean): Effect.Effect<void, SpaceClosed> =>
  Effect.scoped(
    Effect.gen(function* () {
      const latch = yield* Latch.make(true)
      yield* Effect.acquireRelease(
        Effect.sync(() => space.listen(() => void latch.openUnsafe())),
        (stop) => Effect.sync(stop)
      )
      const again: Effect.Effect<void, SpaceClosed> = Effect.suspend(() => {
        if (space.closed !== null) return Effect.fail(space.closed)
        latch.closeUnsafe()
        return holds() ? Effect.void : Effect.andThen(latch.await, again)
      })
      yield* again
    })
  )

const synced = (space: OpenSpace, peer: string | { readonly quorum: number }): Effect.Effect<void, SpaceClosed> =>
  Effect.suspend(() => {
    const local = space.state.local
    return Effect.flatMap(
      until(space, () => space.durable() >= local),
      () => {
        const wanted = space.feeds.list().map((feed) => [feed, feed.length] as const)
        const { progress } = space
        return until(space, () => {
          // a feed may be frozen meanwhile, and what lies beyond is asked of nobody
          const lengths = wanted.map(([feed, length]) => [feed.text, Math.min(length, countedLength(feed))] as const)
          return typeof peer === "string" ? progress.has(peer, lengths) : progress.count(lengths) >= peer.quorum
        })
      }
    )
  })

const statusOf = (space: OpenSpace): SpaceStatus => ({
  local: space.state.local,
  durable: space.durable(),
  sent: space.progress.sent(),
  acknowledgedBy: space.progress.acknowledgedBy(),
  connected: space.progress.online(),
  stuck: space.stuck(),
  flagged: space.flagged(),
  invalid: unfitCount(space.state.objects),
  readOnly: space.readOnly()
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

const stateHashOf = (space: OpenSpace, hash: Hash): Effect.Effect<string, SpaceClosed> =>
  Effect.gen(function* () {
    for (;;) {
      const { objects } = space.state
      const steps = stateHashSteps(objects, hash)
      // a space that was rebuilt meanwhile has other objects
      while (space.closed === null && space.state.objects === objects) {
        const step = steps.next()
        if (step.done === true) return step.value
        yield* Effect.yieldNow
      }
      if (space.closed !== null) return yield* space.closed
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
    return peer !== device && members.includes(peer) ? null : new PeerInvalid({ peer, isOwn: peer === device })
  }
  demandObject("synced", "a device's text or { quorum }", peer)
  const others = members.length - 1
  const { quorum } = peer
  if (typeof quorum !== "number") throw new ArgumentInvalid({ call: "synced", takes: "a number as quorum", given: quorum })
  return Number.isInteger(quorum) && quorum >= 0 && quorum <= others ? null : new QuorumInvalid({ quorum, others })
}

/** What a face needs besides its space. */
export interface Given {
  /** This device, as text. */
  readonly device: string
  readonly ticket: string
  readonly members: ReadonlyArray<string>
  readonly hash: Hash
  readonly close: Effect.Effect<void>
}

export const faceOf = (space: OpenSpace, given: Given): Space => {
  const { ticket, members, hash, close } = given
  const shown = <T extends ObjectType>(type: T, entry: Entry | undefined): ObjectOf<T> | undefined => {
    if (entry === undefined || entry.isDeleted || entry.kind?.name !== type.name) return undefined
    const object = read(type, space.state.objects, entry)
    return object instanceof ObjectInvalid ? undefined : object
  }
  const commit: Space["change"] = (body, options) =>
    Effect.suspend(() => {
      const durability = options?.durability ?? "strict"
      if (durability === "strict" || durability === "relaxed") return space.commit(body, durability)
      throw new ArgumentInvalid({ call: "durability", takes: `"strict" or "relaxed"`, given: durability })
    })
  const find = (id: string) => space.state.objects.findId(id)
  /** The object as it is now, deleted or not, read as the type that it was read as before. */
  const again = <T extends ObjectType>(
    object: ObjectOf<T> | ObjectInvalid<T>
  ): Effect.Effect<ObjectOf<T>, ObjectMissing | ObjectInvalid<T>> => {
    const entry = find(object.id)
    const type = typeOf(object) ?? space.types.ofEntry(entry ?? null)
    // taken back meanwhile, after it was durable: only when this device's own feed was rolled back
    if (entry === undefined || type === undefined) return Effect.fail(new ObjectMissing({ id: object.id }))
    const now = read(type as T, space.state.objects, entry)
    return now instanceof ObjectInvalid ? Effect.fail(now as ObjectInvalid<T>) : Effect.succeed(now)
  }
  return {
    id: space.id,
    ticket,
    members,
    name: reading(space, () => nameOf(space)),
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
      reading(space, () => {
        demandType("get", type)
        space.types.note(type)
        if (typeof id !== "string")
          throw new ArgumentInvalid({ call: `get(${type.name}, …)`, takes: "an object's id", given: id })
        return shown(type, find(id))
      }),
    query: (type, options) => {
      demandType("query", type)
      space.types.note(type)
      return queryOf(space, type, options ?? {})
    },
    conflicts: (object, key) =>
      reading(space, () => {
        demandObject("conflicts", "an object of the space", object)
        const entry = find(object.id)
        const type = typeOf(object) ?? space.types.ofEntry(entry ?? null)
        if (type !== undefined) demandProperty("conflicts", type, key)
        return entry === undefined ? [] : conflictsOf(space, entry, key)
      }),
    conflictCount: reading(space, () => conflictCount(space)),
    stateHash: stateHashOf(space, hash),
    frontier: reading(space, () => Hex.encode(frontierHash(space.frontier(), hash))),
    status: coalesced(space, (wake) => ({ take: () => statusOf(space), close: space.listen(wake) })),
    synced: (peer) =>
      Effect.andThen(
        Effect.suspend(() => {
          const never = neverSynced(peer, given)
          return never === null ? Effect.void : Effect.fail(never)
        }),
        synced(space, peer)
      ),
    audit: Effect.map(
      Effect.andThen(
        reading(space, () => undefined),
        space.feeds.audit
      ),
      (audit) => ({ ...audit, flagged: space.flagged() })
    ),
    closed: space.awaitClosed,
    close
  }
}
