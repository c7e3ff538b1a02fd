/**
 * Devices for the tests of feeds: real crypto and keyrings, a storage that fails or waits on command, and a naive second opinion.
 */
import * as crypto from "node:crypto"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as FeedStoreLayer from "../../src/layers/echo/FeedStore.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { type ChangeSet, create, put } from "../../src/schema/echo/ChangeSet.ts"
import { encodeManifest, headMessage, type Manifest, manifestMessage, type Run } from "../../src/schema/echo/Feed.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { decode, type Item } from "../../src/schema/platform/Codec.ts"
import type { FeedStore, FeedWriter, SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import { BootCounter, type Counter } from "../../src/services/platform/BootCounter.ts"
import { Crypto } from "../../src/services/platform/Crypto.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { type Durability, type Entry, Storage, type StorageError, StorageFailed } from "../../src/services/platform/Storage.ts"

export const spaceId = new Uint8Array(32).fill(0x5a)

/** A storage in front of another one, which counts, fails and waits as told. */
export class Weather {
  readonly storage: Storage["Service"]
  readonly writes: Array<{ readonly durability: Durability; readonly keys: number }> = []
  failing: Durability | "both" | null = null
  error: StorageError = new StorageFailed({ folder: "here", operation: "writing", cause: new Error("rain") })
  readonly gate = Latch.makeUnsafe(true)

  constructor(inner: Storage["Service"]) {
    this.storage = Storage.make({
      getMany: inner.getMany,
      range: inner.range,
      write: (batch, options) =>
        Effect.andThen(
          this.gate.await,
          Effect.suspend((): Effect.Effect<void, StorageError> => {
            if (this.failing === "both" || this.failing === options.durability) {
              return Effect.fail(this.error)
            }
            this.writes.push({ durability: options.durability, keys: batch.length })
            return inner.write(batch, options)
          })
        )
    })
  }
}

export interface Device {
  readonly key: Uint8Array
  readonly keyring: Keyring["Service"]
  readonly inner: Storage["Service"]
  readonly weather: Weather
  /** How many signatures were verified. */
  readonly verified: () => number
  readonly crypto: Crypto["Service"]
}

export const makeDevice = (inner: Storage["Service"] = StorageMemory.make()): Effect.Effect<Device> =>
  Effect.gen(function* () {
    const real = CryptoNode.make()
    let count = 0
    const counting = Crypto.of({
      ...real,
      verify: (list) => {
        count += list.length
        return real.verify(list)
      }
    })
    const platform = KeyringMemory.layer.pipe(Layer.provide(Layer.succeed(Crypto, counting)))
    const keyring = yield* Effect.provide(Keyring, platform, { local: true })
    const key = yield* Effect.orDie(keyring.generate("device"))
    return { key, keyring, inner, weather: new Weather(inner), verified: () => count, crypto: counting }
  })

/** An open space of a device, with the table of feeds that its change sets cite. */
export interface Opened {
  readonly device: Device
  readonly feeds: SpaceFeeds
  readonly table: FeedTable
}

/** Starts the device's FeedStore anew and opens the space; `members` are all who may write. */
export const open = (
  device: Device,
  members: ReadonlyArray<Device>,
  starts?: Counter
): Effect.Effect<Opened, StorageError, Scope.Scope> =>
  Effect.flatMap(start(device, starts), (store) => openIn(store, device, members))

/** Opens the space in a FeedStore of the device that runs already. */
export const openIn = (
  store: FeedStore["Service"],
  device: Device,
  members: ReadonlyArray<Device>
): Effect.Effect<Opened, StorageError, Scope.Scope> => {
  const table = new FeedTable()
  const opening = store.open({
    space: spaceId,
    device: device.key,
    admits: ({ device: key }) => members.some((member) => Buffer.compare(member.key, key) === 0),
    feedId: (index) => table.id(index)
  })
  return Effect.map(opening, (feeds) => ({ device, feeds, table }))
}

/** Starts the device's FeedStore, as a process does. */
export const start = (device: Device, starts?: Counter): Effect.Effect<FeedStore["Service"], StorageError> =>
  FeedStoreLayer.make.pipe(
    Effect.provideService(Storage, device.weather.storage),
    Effect.provideService(Crypto, device.crypto),
    Effect.provideService(Keyring, device.keyring),
    starts === undefined ? (effect) => effect : Effect.provideService(BootCounter, starts)
  )

/** A second place for starts that lives in the test. */
export const starts = (): Counter => {
  let starts = 0
  return {
    read: Effect.sync(() => starts),
    write: (count) =>
      Effect.sync(() => {
        starts = count
      })
  }
}

/** One change set of `mutations` mutations, `bytes` of text in each. */
export const changeSet = (first: number, mutations = 1, bytes = 20): ChangeSet => ({
  first,
  time: 1_024 * first,
  deps: null,
  mutations: Array.from({ length: mutations }, (_, i) =>
    i === 0 && bytes === 0 ? create("Task", 1) : put(0, first, ["text"], "x".repeat(bytes))
  )
})

/** The device's writer; its feed is number 0 of the table. */
export const writerOf = ({ feeds, table }: Opened): Effect.Effect<FeedWriter, never, Scope.Scope> =>
  Effect.map(Effect.orDie(feeds.writer), (writer) => {
    table.intern(writer.feed.id)
    return writer
  })

/** A space of one device, open, with its writer. */
export const alone = Effect.gen(function* () {
  const device = yield* makeDevice()
  const opened = yield* open(device, [device])
  const writer = yield* writerOf(opened)
  return { ...opened, writer }
})

/** The name of what an effect failed with. */
export const tagOf = <A, E>(exit: Exit.Exit<A, E>): unknown => {
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : "it went well"
  return typeof error === "object" && error !== null && "_tag" in error ? error._tag : error
}

/** Appends `count` blocks, one after the other. */
export const appendBlocks = (writer: FeedWriter, count: number, bytes = 20) =>
  Effect.gen(function* () {
    for (let i = 0; i < count; i++) yield* writer.append([changeSet(writer.counter + 1, 1, bytes)], "strict")
  })

/** Everything that a storage holds. */
export const dump = (storage: Storage["Service"]): Effect.Effect<ReadonlyArray<Entry>> =>
  Effect.orDie(storage.range({ from: new Uint8Array(0), to: Uint8Array.of(0xff), limit: 1_000_000 }))

/** A copy of a memory storage as it is now: what a restored backup would be. */
export const copyOf = (storage: Storage["Service"]): Effect.Effect<Storage["Service"]> =>
  Effect.gen(function* () {
    const copy = StorageMemory.make()
    yield* Effect.orDie(copy.write(yield* dump(storage), { durability: "strict" }))
    return copy
  })

/** A run from a space; it must be there. */
export const runOf = ({ feeds }: Opened, feed: Uint8Array, from: number, withProof = false, maxBytes = 1_048_576) =>
  Effect.map(feeds.run(feed, from, maxBytes, withProof), (run): Run => {
    if (run === null) throw new Error(`there is no run from ${from}`)
    return run
  })

// A second opinion, from the document and node:crypto alone -----------------------------------------------------------------------

const sha256 = (...parts: ReadonlyArray<Uint8Array>): Buffer => crypto.createHash("sha256").update(Buffer.concat(parts)).digest()
const u64 = (n: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(n))
  return bytes
}

export const naiveLeaf = (block: Uint8Array): Buffer => sha256(Uint8Array.of(0), u64(block.length), block)

const naiveTree = (leaves: ReadonlyArray<Uint8Array>): Uint8Array =>
  leaves.length === 1
    ? leaves[0]!
    : sha256(Uint8Array.of(1), naiveTree(leaves.slice(0, leaves.length / 2)), naiveTree(leaves.slice(leaves.length / 2)))

/** The peaks of a feed, the largest first, with their heights. */
export const naivePeaks = (leaves: ReadonlyArray<Uint8Array>): Array<{ height: number; node: Uint8Array }> => {
  if (leaves.length === 0) return []
  const height = Math.floor(Math.log2(leaves.length))
  return [{ height, node: naiveTree(leaves.slice(0, 2 ** height)) }, ...naivePeaks(leaves.slice(2 ** height))]
}

export const naiveRoot = (leaves: ReadonlyArray<Uint8Array>): Buffer =>
  sha256(Uint8Array.of(2), u64(leaves.length), ...naivePeaks(leaves).flatMap(({ height, node }) => [u64(height), node]))

const spki = Buffer.from("302a300506032b6570032100", "hex")
const holds = (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean =>
  crypto.verify(
    null,
    message,
    crypto.createPublicKey({ key: Buffer.concat([spki, key]), format: "der", type: "spki" }),
    signature
  )

const naiveHeadHolds = (feed: Uint8Array, [length, root, signature]: ReadonlyArray<Item>): boolean =>
  holds(
    feed,
    Buffer.concat([Buffer.from("halo/feed-head/v0\0"), feed, u64(length as number), root as Uint8Array]),
    signature as Uint8Array
  )

/** The root that a proof of one leaf leads to: siblings first, then the other peaks. */
const naiveClimb = (length: number, index: number, leaf: Uint8Array, proof: ReadonlyArray<Uint8Array>): Uint8Array => {
  const heights = [...length.toString(2)].flatMap((bit, i, bits) => (bit === "1" ? [bits.length - 1 - i] : []))
  let start = 0
  let node = leaf
  const rest = [...proof]
  const peaks: Array<Uint8Array | null> = heights.map(() => null)
  heights.forEach((height, i) => {
    if (index >= start && index < start + 2 ** height) {
      const place = (index - start).toString(2).padStart(height, "0")
      for (const bit of [...place].reverse().slice(0, height)) {
        const sibling = rest.shift()!
        node = bit === "0" ? sha256(Uint8Array.of(1), node, sibling) : sha256(Uint8Array.of(1), sibling, node)
      }
      peaks[i] = node
    }
    start += 2 ** height
  })
  const all = peaks.map((peak) => peak ?? rest.shift()!)
  if (rest.length > 0) throw new Error("the proof is longer than it may be")
  return sha256(Uint8Array.of(2), u64(length), ...all.flatMap((peak, i) => [u64(heights[i]!), peak]))
}

/** Whether the bytes prove that a feed forked, and where, by docs/format.md alone. */
export const naiveFork = (bytes: Uint8Array): { readonly feed: Uint8Array; readonly index: number } | null => {
  const decoded = decode(bytes)
  if (decoded._tag === "Failure") return null
  const [feed, headA, headB, index, leafA, proofA, leafB, proofB] = decoded.success as [
    Uint8Array,
    Array<Item>,
    Array<Item>,
    number,
    Uint8Array,
    Array<Uint8Array>,
    Uint8Array,
    Array<Uint8Array>
  ]
  const isThere = (head: Array<Item>, leaf: Uint8Array, proof: Array<Uint8Array>) =>
    naiveHeadHolds(feed, head) && Buffer.compare(naiveClimb(head[0] as number, index, leaf, proof), head[1] as Uint8Array) === 0
  const isFork = Buffer.compare(leafA, leafB) !== 0 && isThere(headA, leafA, proofA) && isThere(headB, leafB, proofB)
  return isFork ? { feed, index } : null
}

/** A feed that a dishonest member holds in its hands: any blocks, signed as told. */
export class Forger {
  readonly pair: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
  readonly manifest: Uint8Array
  private readonly crypto: Crypto["Service"]

  constructor(pair: Forger["pair"], manifest: Uint8Array, crypto: Crypto["Service"]) {
    this.pair = pair
    this.manifest = manifest
    this.crypto = crypto
  }

  static make(device: Device, incarnation = 1, space = spaceId): Effect.Effect<Forger> {
    return Effect.gen(function* () {
      const pair = yield* device.crypto.generate
      const content = { space, device: device.key, feed: pair.publicKey, incarnation }
      const message = manifestMessage(content, device.crypto.hash)
      const feedSignature = yield* device.crypto.sign(pair, message)
      const deviceSignature = yield* Effect.orDie(device.keyring.sign(device.key, message))
      const manifest: Manifest = { ...content, feedSignature, deviceSignature }
      return new Forger(pair, encodeManifest(manifest), device.crypto)
    })
  }

  /** The run of `blocks` from `from` to their end, signed there. */
  run(blocks: ReadonlyArray<Uint8Array>, from: number, withProof = false): Effect.Effect<Run> {
    const leaves = blocks.map(naiveLeaf)
    const root = naiveRoot(leaves)
    return Effect.map(this.crypto.sign(this.pair, headMessage(this.pair.publicKey, blocks.length, root)), (signature) => ({
      feed: this.pair.publicKey,
      from,
      blocks: blocks.slice(from),
      head: { length: blocks.length, root, signature },
      proof: withProof ? naivePeaks(leaves.slice(0, from)).map(({ node }) => node) : null
    }))
  }
}
