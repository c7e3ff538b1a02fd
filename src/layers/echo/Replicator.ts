/**
 * Runs the replication machine on a channel: what comes is stored before more is read, what goes waits until the channel takes it.
 *
 * Two loops, one that reads and one that writes, both in the caller's scope. The machine decides what is said (schema/echo/Replication.ts);
 * here it is only carried out. Nothing is asked of the machine while the channel is full, so a slow peer costs no memory.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Socket from "effect/socket/Socket"
import { encodeManifest } from "../../schema/echo/Feed.ts"
import { forkKey } from "../../schema/echo/FeedRecords.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import { frontierHash } from "../../schema/echo/Frontier.ts"
import { step } from "../../schema/echo/Replication.ts"
import { decodeMessage, encodeMessage, type Message, markOf } from "../../schema/echo/ReplicationMessage.ts"
import { type Action, type Event, type LocalFeed, ReplicationState, Sources } from "../../schema/echo/ReplicationState.ts"
import { canWait, wakeAt } from "../../schema/echo/ReplicationWaiting.ts"
import { isControl } from "../../schema/halo/ControlMessage.ts"
import { countedLength, type SpaceFeeds, type StoredFeed } from "../../services/echo/FeedStore.ts"
import { type Observer, ReplicationFailed, Replicator } from "../../services/echo/Replicator.ts"
import type { PeerChannel } from "../../services/mesh/Swarm.ts"
import { Device } from "../../services/peer/Device.ts"
import * as Alarm from "../../services/platform/Alarm.ts"
import * as Bell from "../../services/platform/Bell.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"
import { Storage, type StorageError } from "../../services/platform/Storage.ts"
import { ReplicatorOperations } from "./ReplicatorOperations.ts"

/** What the connections of one space share: who brings which feed, and how to wake each other when one ends. */
interface Group {
  readonly sources: Sources
  readonly sessions: Set<Session>
  readonly local: LocalFeeds
}

interface Stepped {
  readonly messages: ReadonlyArray<Message>
  readonly actions: ReadonlyArray<Action>
}

/** One connection: the machine, and the ways in which it is told that something has happened. */
class Session {
  readonly state: ReplicationState
  readonly wake: Bell.Bell
  /** Wakes the loop that writes at a time. */
  readonly alarm: Alarm.Alarm
  /** What goes beside the feeds and before them, in a space of operations. */
  readonly operations: ReplicatorOperations | null
  private readonly local: LocalFeeds
  private readonly clock: Clock.Clock
  private readonly observer: Observer

  constructor(
    state: ReplicationState,
    local: LocalFeeds,
    operations: ReplicatorOperations | null,
    wake: Bell.Bell,
    alarm: Alarm.Alarm,
    clock: Clock.Clock,
    observer: Observer
  ) {
    this.state = state
    this.local = local
    this.operations = operations
    this.wake = wake
    this.alarm = alarm
    this.clock = clock
    this.observer = observer
  }

  get now(): number {
    return elapsedMillis(this.clock)
  }

  /** One step. What is only to be shown is shown here; the rest is for the loop that asked. */
  step(event: Event): Stepped {
    const { actions: all, messages } = step(this.state, event, this.now)
    const actions: Array<Action> = []
    for (const action of all) {
      if (action._tag === "Acknowledged") this.observer.acknowledged(action.feed, action.length, action.before)
      else if (action._tag === "Refused") this.observer.refused(action.feed, action.reason)
      else actions.push(action)
    }
    return { actions, messages }
  }

  /** Something has happened: the loop that writes is woken when there is something to say, at once or in time. */
  stir(): void {
    const at = canWait(this.state) ? this.wakeAt : 0
    if (at > this.now) this.alarm.set(at)
    else this.wake.ring()
  }

  /** When there is something to say though nothing happens. */
  get wakeAt(): number {
    return Math.min(wakeAt(this.state), this.operations?.wakeAt ?? Number.POSITIVE_INFINITY)
  }

  /** Why the connection ends, or null. */
  get ending(): string | null {
    return this.state.closing ?? this.operations?.ending ?? null
  }

  grew(feed: StoredFeed): void {
    if (this.operations?.tells(feed) === false) return
    this.step({ _tag: "Grew", feed: this.local.of(feed) })
    this.stir()
  }
}

/** The feeds of a space as its machines know them: each is made once for all connections, which keep it. */
class LocalFeeds {
  private readonly known = new WeakMap<StoredFeed, LocalFeed & { readonly root: Uint8Array }>()

  of(feed: StoredFeed): LocalFeed {
    const known = this.known.get(feed)
    const length = countedLength(feed)
    const { frozenAt, id, root, text } = feed
    const isMarked = frozenAt === null ? known?.mark instanceof Uint8Array : known?.mark === frozenAt
    if (known?.root === root && known.length === length && isMarked) return known
    const author = known?.author ?? feedText(feed.manifest.device)
    const local = { feed: id, text, author, length, mark: markOf(root, frozenAt), root }
    this.known.set(feed, local)
    return local
  }
}

/** Carries out what a step asked for before more is read. */
const store = (session: Session, feeds: SpaceFeeds, action: Action): Effect.Effect<void, StorageError> => {
  const answer = (event: Event) => Effect.sync(() => void session.step(event))
  switch (action._tag) {
    case "Ingest": {
      const { feed, run } = action
      const answered = (added: number, refusal: string | null) =>
        answer({ _tag: "Ingested", feed, end: run.head.length, added, refusal })
      return Effect.matchEffect(feeds.ingest(run), {
        onSuccess: (added) => answered(added, null),
        onFailure: (error) => (error._tag === "RunRefused" ? answered(0, error.reason) : Effect.fail(error))
      })
    }
    case "Admit": {
      const answered = (isRefused: boolean) => answer({ _tag: "Admitted", feed: action.feed, isRefused })
      return Effect.matchEffect(feeds.admit(action.manifest), {
        onSuccess: () => answered(false),
        onFailure: (error) => (error._tag === "ManifestRefused" ? answered(true) : Effect.fail(error))
      })
    }
    case "KeepFork": {
      const answered = (refusal: string | null) => answer({ _tag: "ForkKept", feed: action.feed, refusal })
      return Effect.matchEffect(feeds.admitFork(action.proof), {
        onSuccess: () => answered(null),
        onFailure: (error) => (error._tag === "RunRefused" ? answered(error.reason) : Effect.fail(error))
      })
    }
    default:
      return Effect.void
  }
}

/** Reads what a step asked for in order to say it. */
const load = (storage: Storage["Service"], feeds: SpaceFeeds, action: Action): Effect.Effect<Event | null, StorageError> => {
  switch (action._tag) {
    case "Load":
      return Effect.gen(function* () {
        const { feed, from, maxBytes, text, withProof } = action
        const run = yield* feeds.run(feed, from, maxBytes, withProof)
        const nextArrival = run === null ? null : yield* feeds.arrival(feed, run.head.length)
        return { _tag: "Loaded", feed: text, from, run, nextArrival } as const
      })
    case "Rank":
      return Effect.map(
        Effect.forEach(action.blocks, ({ feed, index, text }) =>
          Effect.map(feeds.arrival(feed, index), (arrival) => ({ feed: text, index, arrival }))
        ),
        (ranks) => ({ _tag: "Ranked", ranks })
      )
    case "LoadFork":
      return Effect.map(storage.get(forkKey(feeds.space, action.feed)), (proof) => ({
        _tag: "ForkLoaded",
        feed: action.text,
        proof
      }))
    default:
      return Effect.succeed(null)
  }
}

/** How long a peer that is cut off may take to hear of it. */
const farewellPause = "1 second"

type Pull = Effect.Effect<ReadonlyArray<Uint8Array>, Socket.SocketError>

/** Takes in what one frame says. */
const receive = Effect.fnUntraced(function* (session: Session, feeds: SpaceFeeds, frame: Uint8Array) {
  if (session.operations !== null && isControl(frame)) return yield* session.operations.receive(frame)
  const message = decodeMessage(frame)
  const { actions } = session.step(
    Result.isSuccess(message)
      ? { _tag: "Received", message: message.success }
      : { _tag: "Garbled", reason: message.failure.message }
  )
  for (const action of actions) yield* store(session, feeds, action)
})

const reading = Effect.fnUntraced(function* (session: Session, feeds: SpaceFeeds, peer: PeerChannel, pull: Pull) {
  for (;;) {
    for (const frame of yield* pull) {
      yield* receive(session, feeds, frame)
      session.stir()
      if (session.ending === null) continue
      // the loop that writes says farewell and ends both, unless the channel takes nothing
      yield* Effect.sleep(farewellPause)
      return yield* new ReplicationFailed({ device: peer.deviceText, reason: session.ending })
    }
  }
})

const writing = Effect.fnUntraced(function* (
  storage: Storage["Service"],
  session: Session,
  feeds: SpaceFeeds,
  peer: PeerChannel,
  observer: Observer
) {
  const writer = yield* peer.socket.writer
  const write = ([first, ...rest]: ReadonlyArray<Uint8Array>) => {
    if (first === undefined) return Effect.void
    return rest.length === 0 ? writer.write(first) : writer.writeAll([first, ...rest])
  }
  const sayOperations = Effect.fnUntraced(function* (operations: ReplicatorOperations) {
    const ending = yield* operations.speak(write)
    if (ending !== null) return yield* new ReplicationFailed({ device: peer.deviceText, reason: ending })
  })
  const say = (messages: ReadonlyArray<Message>) => {
    const written = Effect.map(write(messages.map(encodeMessage)), () => {
      for (const message of messages) {
        if (message._tag === "Data") observer.sent(feedText(message.run.feed), message.run.head.length)
      }
    })
    // what lets a feed count comes before the feed
    return session.operations === null ? written : Effect.andThen(sayOperations(session.operations), written)
  }
  const pending: Array<Action> = []
  const follow = Effect.fnUntraced(function* ({ actions, messages }: Stepped) {
    if (messages.length > 0) yield* say(messages)
    for (const action of actions) {
      if (action._tag === "Close") return yield* new ReplicationFailed({ device: peer.deviceText, reason: action.reason })
      pending.push(action)
    }
  })
  for (;;) {
    session.wake.hush()
    if (session.operations !== null) yield* sayOperations(session.operations)
    const stepped = session.step({ _tag: "Writable" })
    let isMoving = stepped.messages.length > 0
    if (isMoving || stepped.actions.length > 0) yield* follow(stepped)
    // one run at a time: what has to be said about what came must not wait for all that is to be sent
    const action = pending.shift()
    const event = action === undefined ? null : yield* load(storage, feeds, action)
    if (event !== null) yield* follow(session.step(event))
    isMoving ||= action !== undefined
    if (isMoving) continue
    const at = session.wakeAt
    if (at <= session.now) continue
    session.alarm.set(at)
    yield* session.wake.rung
  }
})

/** Both loops, until one of them ends. */
const replicate = Effect.fnUntraced(function* (
  storage: Storage["Service"],
  session: Session,
  feeds: SpaceFeeds,
  peer: PeerChannel,
  observer: Observer
) {
  const pull = yield* Socket.readerBytes(peer.socket)
  yield* Effect.raceFirst(reading(session, feeds, peer, pull), writing(storage, session, feeds, peer, observer))
})

const make = Effect.gen(function* () {
  const { hash } = yield* Crypto
  const storage = yield* Storage
  const device = yield* Device
  const clock = yield* Clock.Clock
  const alarms = yield* Alarm.make
  const groups = new WeakMap<SpaceFeeds, Group>()

  const groupOf = (feeds: SpaceFeeds): Group => {
    const known = groups.get(feeds)
    if (known !== undefined) return known
    const group = { sources: new Sources(), sessions: new Set<Session>(), local: new LocalFeeds() }
    groups.set(feeds, group)
    return group
  }

  const connect = Effect.fnUntraced(function* (group: Group, feeds: SpaceFeeds, peer: PeerChannel, observer: Observer) {
    const wake = yield* Bell.make
    const alarm = yield* alarms.alarm(() => wake.ring())
    const { entered } = peer
    return yield* Effect.acquireRelease(
      Effect.sync(() => {
        const operations = entered === null ? null : new ReplicatorOperations(entered, () => elapsedMillis(clock))
        const state = new ReplicationState({
          hash,
          self: entered?.self ?? device.publicKey,
          peer: peer.device,
          feeds: feeds.list().flatMap((feed) => (operations?.tells(feed) === false ? [] : [group.local.of(feed)])),
          sources: group.sources,
          manifest: (text) => manifestOf(feeds, state.own.get(text)),
          frontierHash: () => frontierHash(observer.frontier(), hash),
          ...(operations === null ? {} : { operations }),
          wake: () => wake.ring(),
          now: elapsedMillis(clock)
        })
        const session = new Session(state, group.local, operations, wake, alarm, clock, observer)
        entered?.listen(() => {
          for (const feed of operations?.revealed() ?? []) session.grew(feed)
          wake.ring()
        })
        group.sessions.add(session)
        return session
      }),
      (session) =>
        Effect.sync(() => {
          group.sources.end(session.state.source)
          group.sessions.delete(session)
          for (const other of group.sessions) other.wake.ring()
        })
    )
  })

  const run = Effect.fnUntraced(
    function* (feeds: SpaceFeeds, peer: PeerChannel, observer: Observer) {
      const group = groupOf(feeds)
      let session: Session | null = null
      // watched first, so that nothing falls between the list and the first change
      yield* feeds.watch((feed) => session?.grew(feed))
      session = yield* connect(group, feeds, peer, observer)
      yield* replicate(storage, session, feeds, peer, observer)
    },
    // however a channel ends, it is the swarm that connects again
    Effect.catchTag("SocketError", () => Effect.void)
  )
  return Replicator.of({ run })
})

const manifestOf = (feeds: SpaceFeeds, feed: LocalFeed | undefined): Uint8Array | null => {
  const stored = feed === undefined ? undefined : feeds.find(feed.feed)
  return stored === undefined ? null : encodeManifest(stored.manifest)
}

export const layer: Layer.Layer<Replicator, never, Crypto | Device | Storage> = Layer.effect(Replicator, make)
