/**
 * Troupe without its runtime: types, merging, change sets, blocks, Merkle peaks and signatures, as one synchronous program.
 *
 * One signed block for each transaction. The empty peer verifies one signature for each run of 64 blocks, and every block's place in the
 * tree. It is what the Peer can at best reach, and what a change of the merge or the codec is measured with.
 */
import { hash as digest, generateKeyPairSync, sign, verify } from "node:crypto"
import * as Result from "effect/Result"
import type { Mutation } from "../../src/schema/echo/ChangeSet.ts"
import { decodePlain, encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { decodeBlock, encodeBlock, headMessage } from "../../src/schema/echo/Feed.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { leafHash, Peaks } from "../../src/schema/echo/Merkle.ts"
import { Changes, Objects } from "../../src/schema/echo/Objects.ts"
import { creating, type ObjectOf, type PatchOf, read, updating } from "../../src/schema/echo/ObjectType.ts"
import { nextTime } from "../../src/schema/echo/Time.ts"
import { equalBytes } from "../../src/schema/platform/Codec.ts"
import { Task } from "./Task.ts"
import {
  type Asked,
  answer,
  type Cell,
  chunksOf,
  digestOf,
  keys,
  type Measured,
  medianOf,
  milliseconds,
  type Update,
  workOf
} from "./Workload.ts"

/** A patch as a program would write it down, by the key's number. */
const patches: ReadonlyArray<(value: Cell) => PatchOf<typeof Task>> = [
  (title) => ({ title: title as string }),
  (done) => ({ done: done as boolean }),
  (count) => ({ count: count as number }),
  (who) => ({ who: who as string }),
  (at) => ({ at: at as number })
]

const hash = (bytes: Uint8Array): Uint8Array => digest("sha256", bytes, "buffer")
const runBlocks = 64

interface Signed {
  readonly block: Uint8Array
  readonly root: Uint8Array
  readonly signature: Uint8Array
}

class Writer {
  readonly feeds = new FeedTable()
  readonly feed: number
  readonly feedId: Uint8Array
  readonly objects: Objects
  readonly log: Array<Signed> = []
  next = 1
  private readonly changes = new Changes()
  private readonly peaks = new Peaks()
  readonly keys = generateKeyPairSync("ed25519")

  constructor() {
    this.feedId = new Uint8Array(this.keys.publicKey.export({ format: "der", type: "spki" }).subarray(-32))
    this.feed = this.feeds.intern(this.feedId)
    this.objects = new Objects(this.feeds)
  }

  commit(mutations: ReadonlyArray<Mutation>): void {
    const changeSet = { first: this.next, time: nextTime(Date.now(), this.objects.greatestTime), deps: null, mutations }
    this.next += mutations.length
    this.objects.apply(changeSet, this.feed, [], null, this.changes)
    this.changes.clear()
    const block = encodeBlock(encodePlain([changeSet], this.feed, (feed) => this.feeds.id(feed)))
    this.peaks.append(leafHash(block, hash), hash)
    const root = this.peaks.root(hash)
    const signature = sign(null, headMessage(this.feedId, this.peaks.length, root), this.keys.privateKey)
    this.log.push({ block, root, signature })
  }
}

const demand = (refusal: Error | null): void => {
  if (refusal !== null) throw refusal
}

const fill = (writer: Writer, work: ReturnType<typeof workOf>): Array<number> => {
  const counters: Array<number> = []
  for (const chunk of chunksOf(work.objects)) {
    const mutations: Array<Mutation> = []
    for (const [title, done, count, who, at] of chunk) {
      const counter = writer.next + mutations.length
      counters.push(counter)
      demand(creating(Task, { title, done, count, who, at }, writer.feed, counter, mutations))
    }
    writer.commit(mutations)
  }
  return counters
}

const updated = (writer: Writer, counters: ReadonlyArray<number>, updates: ReadonlyArray<Update>): Array<Mutation> => {
  const mutations: Array<Mutation> = []
  for (const { key, object, value } of updates) {
    const counter = counters[object]!
    const entry = writer.objects.find(writer.feed, counter)!
    const patch = patches[key]!(value)
    demand(updating(Task, writer.feed, counter, entry, patch, mutations))
  }
  return mutations
}

const catchUp = (from: Writer): Objects => {
  const feeds = new FeedTable()
  const feed = feeds.intern(from.feedId)
  const objects = new Objects(feeds)
  const changes = new Changes()
  const peaks = new Peaks()
  for (const run of chunksOf(from.log, runBlocks)) {
    for (const { block } of run) peaks.append(leafHash(block, hash), hash)
    const { root, signature } = run[run.length - 1]!
    if (!equalBytes(peaks.root(hash), root)) throw new Error("another root")
    if (!verify(null, headMessage(from.feedId, peaks.length, root), from.keys.publicKey, signature))
      throw new Error("no signature")
    for (const { block } of run) {
      const { changeSets } = Result.getOrThrow(decodePlain(Result.getOrThrow(decodeBlock(block))))
      for (const changeSet of changeSets) objects.apply(changeSet, feed, [], [feed], changes)
      changes.clear()
    }
  }
  return objects
}

const measure = ({ phase, ...size }: Asked): Measured => {
  const work = workOf(size)
  const writer = new Writer()
  let start = performance.now()
  const counters = fill(writer, work)
  const createMs = milliseconds(start)
  if (phase === "single") {
    const times = work.transactions.flat().map((update) => {
      const before = performance.now()
      writer.commit(updated(writer, counters, [update]))
      return milliseconds(before) * 1000
    })
    return { singleUs: medianOf(times) }
  }
  start = performance.now()
  for (const updates of work.transactions) writer.commit(updated(writer, counters, updates))
  const updateMs = milliseconds(start)
  start = performance.now()
  const peer = catchUp(writer)
  const there = peer.ofType(Task.name).map((entry) => read(Task, peer, entry) as ObjectOf<typeof Task>)
  const catchUpMs = milliseconds(start)
  const bytes = writer.log.reduce((sum, { block }) => sum + block.length, 0)
  return { createMs, updateMs, catchUpMs, bytes, digest: digestOf(there.length, (i, key) => there[i]![keys[key]!]) }
}

await answer(measure)
