/**
 * Devices with real feeds and a real Replicator, and pairs of sockets between them that can be watched, and written to by hand.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as FeedStoreLayer from "../../src/layers/echo/FeedStore.ts"
import * as ReplicatorLayer from "../../src/layers/echo/Replicator.ts"
import * as DeviceLayer from "../../src/layers/peer/Device.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { type ChangeSet, Mutation, opPut } from "../../src/schema/echo/ChangeSet.ts"
import { decodeMessage, encodeMessage, type Message } from "../../src/schema/echo/ReplicationMessage.ts"
import { equalBytes } from "../../src/schema/platform/Codec.ts"
import { FeedStore, type FeedWriter, type SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import { type Observer, Replicator } from "../../src/services/echo/Replicator.ts"
import { Device } from "../../src/services/peer/Device.ts"
import type { Crypto } from "../../src/services/platform/Crypto.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { Storage } from "../../src/services/platform/Storage.ts"

const space = new Uint8Array(32).fill(9)

const platformOf = (storage: Storage["Service"], keyring: Layer.Layer<Keyring, never, Crypto>) =>
  Layer.mergeAll(FeedStoreLayer.layer, ReplicatorLayer.layer).pipe(
    Layer.provideMerge(DeviceLayer.layer),
    Layer.provideMerge(keyring),
    Layer.provideMerge(Layer.merge(Layer.succeed(Storage, storage), CryptoNode.layer))
  )

/** A storage with all that another holds: what a device is restored from. */
export const copyOf = Effect.fnUntraced(function* (storage: Storage["Service"]) {
  const copy = StorageMemory.make()
  const all = { from: new Uint8Array(0), to: Uint8Array.of(0xff), limit: 100_000 }
  yield* copy.write(yield* storage.range(all), { durability: "strict" })
  return copy
})

/** Whatever changes anywhere rings this; tests wait for what they want to see. */
export class Bell {
  private readonly latch = Latch.makeUnsafe(false)
  readonly ring = () => {
    this.latch.openUnsafe()
  }
  until(condition: () => boolean): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      while (!condition()) {
        this.latch.closeUnsafe()
        yield* this.latch.await
      }
    })
  }
}

export interface Party {
  readonly key: Uint8Array
  readonly text: string
  readonly feeds: SpaceFeeds
  readonly replicator: Replicator["Service"]
  readonly storage: Storage["Service"]
  readonly keyring: Keyring["Service"]
  /** By the other device's text and the feed's. */
  readonly acknowledged: Map<string, number>
  readonly refused: Map<string, string>
}

/** A new device, or one that is made from the storage and the keys of another. */
export const party = (bell: Bell, from?: Pick<Party, "storage" | "keyring">) =>
  Effect.gen(function* () {
    const storage = from?.storage ?? StorageMemory.make()
    const keyring = from === undefined ? KeyringMemory.layer : Layer.succeed(Keyring, from.keyring)
    const services = yield* Layer.build(Layer.fresh(platformOf(storage, keyring)))
    const device = Context.get(services, Device)
    const feeds: SpaceFeeds = yield* Context.get(services, FeedStore).open({
      space,
      device: device.publicKey,
      admits: () => true,
      // change sets cite no feed but their own
      feedId: () => feeds.list().find(({ manifest }) => equalBytes(manifest.device, device.publicKey))!.id
    })
    yield* feeds.watch(bell.ring)
    const party: Party = {
      key: device.publicKey,
      text: device.text,
      feeds,
      replicator: Context.get(services, Replicator),
      storage,
      keyring: Context.get(services, Keyring),
      acknowledged: new Map(),
      refused: new Map()
    }
    return party
  })

/** Appends one block that puts so many bytes. */
export const append = (writer: FeedWriter, counter: number, bytes: number) => {
  const mutation = new Mutation(opPut, 0, 1, ["a"], new Uint8Array(bytes).fill(counter), "", 0)
  const changeSet: ChangeSet = { first: counter, time: counter * 1024, deps: null, mutations: [mutation] }
  return writer.append([changeSet], "strict")
}

/** One direction of a pair: whole frames, counted, 8 at a time. */
interface Line {
  readonly queue: Queue.Queue<Uint8Array, Socket.SocketError>
  readonly frames: Array<Uint8Array>
}

const closed = () => new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1000 }) })

const socketOf = (inbound: Line, outbound: Line): Socket.Socket => {
  const write = (chunk: Uint8Array | string | Socket.CloseEvent) =>
    chunk instanceof Uint8Array
      ? Effect.flatMap(Queue.offer(outbound.queue, chunk), (isOpen) => {
          outbound.frames.push(chunk)
          return isOpen ? Effect.void : Effect.fail(closed())
        })
      : Effect.die(new Error("only frames of bytes are written"))
  return Socket.make({
    reader: Effect.acquireRelease(
      Effect.succeed({ pull: Queue.takeAll(inbound.queue), upgrade: Socket.SocketUpgradeError.unsupported }),
      () => Effect.andThen(Queue.fail(inbound.queue, closed()), Queue.fail(outbound.queue, closed()))
    ),
    writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
  })
}

const line: Effect.Effect<Line> = Effect.map(Queue.bounded<Uint8Array, Socket.SocketError>(8), (queue) => ({ queue, frames: [] }))

const observerOf = (self: Party, peer: string, bell: Bell): Observer => ({
  frontier: () => ({ controlHeads: [], floors: [], applied: [] }),
  acknowledged: (feed, length) => {
    self.acknowledged.set(`${peer} ${feed}`, length)
    bell.ring()
  },
  sent: bell.ring,
  refused: (feed, reason) => {
    if (reason === null) self.refused.delete(feed)
    else self.refused.set(feed, reason)
    bell.ring()
  }
})

const run = (self: Party, other: Pick<Party, "key" | "text">, socket: Socket.Socket, bell: Bell) => {
  const peer = { device: other.key, deviceText: other.text, socket, bytesOnWire: () => 0, entered: null }
  return Effect.scoped(self.replicator.run(self.feeds, peer, observerOf(self, other.text, bell)))
}

export interface Connected {
  readonly said: (by: Party) => ReadonlyArray<Message>
  readonly bytes: () => number
  readonly disconnect: Effect.Effect<void>
  /** How the run of a side ended. */
  readonly exit: (of: Party) => Effect.Effect<Exit.Exit<void, unknown>>
}

const messagesOf = ({ frames }: Line): ReadonlyArray<Message> => frames.map((frame) => Result.getOrThrow(decodeMessage(frame)))

/** Connects two parties until they are disconnected, or the test ends. */
export const connect = (a: Party, b: Party, bell: Bell): Effect.Effect<Connected, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const [there, back] = [yield* line, yield* line]
    const ends = new Map<Party, Deferred.Deferred<Exit.Exit<void, unknown>>>()
    for (const [self, other, socket] of [[a, b, socketOf(back, there)] as const, [b, a, socketOf(there, back)] as const]) {
      const end = yield* Deferred.make<Exit.Exit<void, unknown>>()
      ends.set(self, end)
      yield* run(self, other, socket, bell).pipe(
        Effect.onExit((exit) => Deferred.succeed(end, exit)),
        Effect.exit,
        Effect.forkIn(scope)
      )
    }
    return {
      said: (by) => messagesOf(by === a ? there : back),
      bytes: () => [...there.frames, ...back.frames].reduce((sum, frame) => sum + frame.length, 0),
      disconnect: Scope.close(scope, Exit.void),
      exit: (of) => Deferred.await(ends.get(of)!)
    }
  })

/** One party, and a stranger's hand at the other end of its socket. */
export const alone = (self: Party, key: Uint8Array, bell: Bell) =>
  Effect.gen(function* () {
    const [there, back] = [yield* line, yield* line]
    const end = yield* Deferred.make<Exit.Exit<void, unknown>>()
    yield* run(self, { key, text: "stranger" }, socketOf(back, there), bell).pipe(
      Effect.onExit((exit) => Deferred.succeed(end, exit)),
      Effect.exit,
      Effect.forkScoped
    )
    return {
      sayBytes: (bytes: Uint8Array) => Queue.offer(back.queue, bytes),
      say: (message: Message) => Queue.offer(back.queue, encodeMessage(message)),
      hear: Effect.map(Effect.orDie(Queue.take(there.queue)), (frame) => Result.getOrThrow(decodeMessage(frame))),
      exit: Deferred.await(end)
    }
  })
