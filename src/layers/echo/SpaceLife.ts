/**
 * One life of a space as a supervisor runs it: made of what is durable, then in the swarm, until it crashes or is ended.
 *
 * Each connection is a child of a supervisor of the life's own, which stops what crashes: the swarm dials again. All of it ends with the
 * life's scope.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { stop } from "../../schema/actor/Supervision.ts"
import { FeedTable, feedText } from "../../schema/echo/FeedTable.ts"
import { SpaceState } from "../../schema/echo/SpaceState.ts"
import type { Supervision, Supervisor } from "../../services/actor/Supervisor.ts"
import type { FeedStore, SpaceFeeds } from "../../services/echo/FeedStore.ts"
import type { Replicator } from "../../services/echo/Replicator.ts"
import type { Entrance } from "../../services/halo/Entrance.ts"
import type { EnteringPeer, PeerChannel, Swarm } from "../../services/mesh/Swarm.ts"
import type { KeyMissing } from "../../services/platform/Keyring.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import { OpenSpace } from "./OpenSpace.ts"
import type { SpaceAccess } from "./SpaceAccess.ts"
import type { SpaceHandle } from "./SpaceHandle.ts"
import { lateFeedsOf } from "./SpaceQuarantine.ts"
import { SpaceTrials } from "./SpaceTrials.ts"

/** A space as this device holds it: who may do what there, and by which of its keys the device is known. */
export interface Belonging {
  readonly space: Uint8Array
  readonly device: Uint8Array
  /** What decides; new for each life. */
  readonly access: () => SpaceAccess
}

/** What the lives of all spaces are made with. */
export interface Platform {
  readonly clock: Clock.Clock
  readonly entrance: Entrance["Service"]
  readonly feedStore: FeedStore["Service"]
  readonly replicator: Replicator["Service"]
  readonly supervisor: Supervisor["Service"]
  readonly swarm: Swarm["Service"]
}

/** Runs one life; `joined` when it is in the swarm, too. It never ends by itself. */
export const lifeOf = (
  platform: Platform,
  handle: SpaceHandle,
  { access: accessOf, device, space }: Belonging,
  joined: Effect.Effect<unknown>
): Effect.Effect<never, StorageError | KeyMissing> =>
  Effect.suspend(() => {
    let life: OpenSpace | null = null
    const { clock, feedStore, supervisor, swarm } = platform
    const run = Effect.gen(function* () {
      const table = new FeedTable()
      const access = accessOf()
      const { admits, isMember, operations } = access
      const feeds = yield* feedStore.open({ space, device, admits, feedId: (index) => table.id(index) })
      const begun = new OpenSpace(handle, feeds, new SpaceState(table), clock, access)
      life = begun
      yield* Effect.addFinalizer((exit) =>
        Effect.sync(() => {
          if (!isCrash(exit)) handle.close("it was closed", false)
        })
      )
      yield* feeds.watch((feed) => begun.notice(feed))
      if (operations !== null) yield* operations.watch(() => begun.judge())
      yield* begun.load
      handle.rose(begun)
      const connections = yield* supervisor.open({ name: `spaces/${handle.id}`, policy: stop })
      const onPeer = onPeerOf(platform, connections, feeds, begun)
      const joining = swarm.join({ space, device, isMember, channel: "echo/replicate", onPeer, ...entranceOf(platform, begun) })
      return yield* Effect.raceFirst(begun.run, Effect.andThen(joining, Effect.andThen(joined, Effect.never)))
    })
    // of what never came up, its opener is told
    const told = Effect.onExit(run, (exit) =>
      isCrash(exit) && handle.hasLived
        ? Effect.andThen(
            Effect.sync(() => handle.fell(life, reasonOf(exit.cause))),
            Effect.logWarning(`space ${handle.id} crashed`, exit.cause)
          )
        : Effect.void
    )
    return Effect.scoped(told)
  })

/** Which version of the channel is spoken, and how devices are let in where operations decide. */
const entranceOf = ({ clock, entrance }: Platform, life: OpenSpace) => {
  const { device: self, operations } = life.access
  if (operations === null) return { version: 0 }
  const late = lateFeedsOf(life, operations, clock)
  const enter = ({ channel, device }: EnteringPeer) => entrance.enter({ operations, self, device, channel, late })
  const personOf = (key: Uint8Array) => operations.membership.rightOf(feedText(key))?.identity ?? null
  return { version: 1, enter, personOf }
}

const isCrash = <A, E>(exit: Exit.Exit<A, E>): exit is Exit.Failure<A, E> =>
  Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

const onPeerOf = ({ clock, replicator }: Platform, connections: Supervision, feeds: SpaceFeeds, { peers }: OpenSpace) => {
  const trials = new SpaceTrials(clock)
  return (peer: PeerChannel) => {
    const { deviceText } = peer
    const replicating = Effect.acquireUseRelease(
      peers.met(deviceText),
      () => trials.watched(peers, deviceText, replicator.run(feeds, peer, peers.observer(deviceText))),
      () => peers.parted(deviceText)
    )
    return supervised(connections, deviceText, replicating)
  }
}

/** Runs a connection as a child, and ends as it ends. What it fails with is no crash: it stands in the space's status. */
const supervised = <E>(connections: Supervision, device: string, connection: Effect.Effect<void, E, Scope.Scope>) =>
  Effect.suspend(() => {
    const done = Deferred.makeUnsafe<void, E>()
    const taken = connections.children()
    let name = device
    // the one before may still be ending
    for (let n = 2; taken.includes(name); n++) name = `${device} ${n}`
    const child = connection.pipe(
      Effect.onExit((exit) => Deferred.done(done, exit)),
      Effect.catch(() => Effect.void)
    )
    return Effect.acquireUseRelease(
      connections.run(name, child),
      () => Deferred.await(done),
      (_, exit) => (isCrash(exit) ? Effect.void : connections.stop(name))
    )
  })
