/**
 * The product under test: a space's feeds over a real FeedStore and StorageMemory, the machine of a connection, and delivery.
 *
 * A frame takes the way that it takes in a peer: decoded, offered to the FeedStore, stored, delivered into the state of a space.
 */

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as FeedStoreLayer from "../../src/layers/echo/FeedStore.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { decodeBlock } from "../../src/schema/echo/Feed.ts"
import { decodeMessage, encodeMessage, type Message } from "../../src/schema/echo/ReplicationMessage.ts"
import { decodeTicket } from "../../src/schema/echo/Space.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import { stateHash } from "../../src/schema/echo/StateHash.ts"
import {
  countedLength,
  ManifestRefused,
  RunRefused,
  type SpaceFeeds,
  type StoredFeed
} from "../../src/services/echo/FeedStore.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { equal } from "./cbor.ts"
import type { Progress, Stored } from "./content.ts"
import { alice, devices, space } from "./corpus.ts"
import { hex } from "./verifier.ts"
import type { Entry } from "./world.ts"

/** What became of a mutant: accepted, or refused under a name of the product's own. `isTyped` is false for everything else. */
export interface Outcome {
  readonly accepted: boolean
  readonly name: string
  readonly isTyped: boolean
}

const accepted: Outcome = { accepted: true, name: "accepted", isTyped: true }
const refused = (name: string, isTyped = true): Outcome => ({ accepted: false, name, isTyped })

const crypto = CryptoNode.make()
export const hashOf = crypto.hash
const everything = { from: Uint8Array.of(0), to: Uint8Array.of(255), limit: 1_000_000 }

/** Runs to the end in one go: nothing here waits for anything. */
const run = <A, E>(effect: Effect.Effect<A, E>): Exit.Exit<A, E> => Effect.runSyncExit(effect)
const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Outcome => {
  if (Exit.isSuccess(exit)) return accepted
  const error = Cause.squash(exit.cause)
  if (error instanceof RunRefused) return refused(error.reason)
  if (error instanceof ManifestRefused) return refused("ManifestRefused")
  return refused(String(error), false)
}

/** A device that holds one space, over the storage it is given. */
export class Device {
  readonly storage: Storage["Service"]
  readonly feeds: SpaceFeeds
  private readonly scope: Scope.Closeable

  private constructor(storage: Storage["Service"], feeds: SpaceFeeds, scope: Scope.Closeable) {
    this.storage = storage
    this.feeds = feeds
    this.scope = scope
  }

  static open(storage: Storage["Service"]): Device {
    const scope = Scope.makeUnsafe()
    const options = {
      space,
      device: alice.publicKey,
      admits: (manifest: { readonly device: Uint8Array }) => isMember(manifest.device),
      feedId: () => new Uint8Array(32)
    }
    const services = Layer.provideMerge(KeyringMemory.layer, CryptoNode.layer)
    const opened = Effect.gen(function* () {
      const store = yield* FeedStoreLayer.make.pipe(Effect.provideService(Storage, storage))
      return yield* store.open(options)
    }).pipe(Effect.provide(services), Scope.provide(scope))
    return new Device(storage, valueOf(run(opened)), scope)
  }

  /** A device on a storage of its own that has taken these frames. */
  static taking(frames: ReadonlyArray<Uint8Array>): Device {
    const device = Device.open(StorageMemory.make())
    for (const frame of frames)
      if (!device.offer(frame).accepted) throw new Error(`a frame of the base is refused: ${device.offer(frame).name}`)
    return device
  }

  /** Another device on a copy of a dump. */
  static of(entries: ReadonlyArray<Entry>): Device {
    const storage = StorageMemory.make()
    valueOf(run(storage.write(entries, { durability: "strict" })))
    return Device.open(storage)
  }

  close(): void {
    run(Scope.close(this.scope, Exit.void))
  }

  /** The same storage, opened anew. */
  reopen(): Device {
    this.close()
    return Device.open(this.storage)
  }

  dump(): ReadonlyArray<Entry> {
    return valueOf(run(this.storage.range(everything)))
  }

  /** A frame as a peer sends it. */
  offer(frame: Uint8Array): Outcome {
    const message = decodeMessage(frame)
    return Result.isFailure(message) ? refused(message.failure._tag) : this.take(message.success, frame)
  }

  private take(message: Message, frame: Uint8Array): Outcome {
    switch (message._tag) {
      case "Data":
        return outcomeOf(run(this.feeds.ingest(message.run)))
      case "Manifest":
        return outcomeOf(run(this.feeds.admit(message.manifest)))
      case "Fork":
        return outcomeOf(run(this.feeds.admitFork(message.proof)))
      default:
        // the rest is said again: what was read must be what was sent
        return equal(encodeMessage(message), frame) ? accepted : refused("it is said otherwise", false)
    }
  }

  /** The stored blocks of all feeds. */
  blocks(): ReadonlyMap<string, Stored> {
    const stored = ({ frozenAt, id }: StoredFeed): Stored => {
      const blocks = valueOf(run(this.feeds.read(id, 0, 2 ** 30))).map(({ bytes }) => bytes)
      return { blocks, frozenAt }
    }
    return new Map(this.feeds.list().map((feed) => [hex(feed.id), stored(feed)]))
  }

  /** Delivers all that is stored, the feeds in one order or in the other, block by block or feed by feed. */
  deliver(isReversed: boolean): Delivered {
    const state = new SpaceState()
    const feeds = isReversed ? [...this.feeds.list()].reverse() : this.feeds.list()
    for (const { frozenAt, id } of feeds) if (frozenAt !== null) state.delivery.freeze(state.feeds.intern(id), frozenAt)
    for (let isMoving = true; isMoving; ) {
      isMoving = false
      for (const feed of feeds) {
        const number = state.feeds.intern(feed.id)
        const from = state.delivery.length(number)
        const counting = Math.max(0, countedLength(feed) - from)
        const blocks = valueOf(run(this.feeds.read(feed.id, from, 2 ** 30))).slice(0, counting)
        for (const { bytes, root } of isReversed ? blocks.slice(0, 1) : blocks) {
          if (!state.delivery.isReady(number)) break
          const content = decodeBlock(bytes)
          const verdict = state.deliver(number, Result.isSuccess(content) ? content.success : content.failure, root)
          if (verdict._tag === "Waits" || verdict._tag === "Stopped") break
          isMoving = true
        }
      }
    }
    return { progress: progressOf(state), hash: stateHash(state.objects, crypto.hash) }
  }
}

export interface Delivered {
  readonly progress: ReadonlyMap<string, Progress>
  readonly hash: string
}

const progressOf = ({ delivery, feeds }: SpaceState): ReadonlyMap<string, Progress> => {
  const all = new Map<string, Progress>()
  const stuck = new Map(delivery.stuck().map((each) => [each.feed, each.reason]))
  for (let number = 0; number < feeds.size; number++) {
    const text = feeds.text(number)
    const flags = delivery.flags().get(text) ?? 0
    const progress = { length: delivery.length(number), counter: delivery.counter(number), flags, stuck: stuck.get(text) ?? null }
    all.set(hex(feeds.id(number)), progress)
  }
  return all
}

const isMember = (device: Uint8Array): boolean => devices.some((member) => equal(member, device))

const valueOf = <A, E>(exit: Exit.Exit<A, E>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

/** A ticket as `spaces.open` takes it. */
export const offerTicket = (text: string): Outcome => {
  const ticket = decodeTicket(text, crypto.hash)
  if (Result.isFailure(ticket)) return refused(ticket.failure._tag)
  if (!("genesis" in ticket.success)) return accepted
  return ticket.success.genesis.devices.every(crypto.isKeyValid) ? accepted : refused("TicketInvalid")
}
