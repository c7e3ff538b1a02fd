/**
 * The second opinion on a whole store: reads the dump of a storage, audits every byte of it, and judges what a frame may do to it.
 *
 * Naive and written from docs/format.md alone, sharing nothing with src/: no peaks are trusted, every root is computed from all blocks.
 */
import { crc32 } from "node:zlib"
import { compare, equal, read } from "./cbor.ts"
import {
  bytesOf,
  type ForkProof,
  headMessage,
  hex,
  isFork,
  isKey,
  isSigned,
  leafOf,
  listOf,
  type Manifest,
  overId,
  peaksOf,
  type Run,
  readFork,
  readManifest,
  readMessage,
  rootOf,
  uint
} from "./verifier.ts"

export interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** A feed as the dump shows it. */
export interface Feed {
  readonly id: Uint8Array
  readonly manifest: Uint8Array
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly frozenAt: number | null
}

export interface World {
  readonly space: Uint8Array
  readonly devices: ReadonlyArray<Uint8Array>
  readonly feeds: ReadonlyMap<string, Feed>
}

/** What a frame must come to. `change` tells what may be stored though it is refused. */
export type Verdict =
  | { readonly accepts: true; readonly adds: number }
  | { readonly accepts: false; readonly reason: string; readonly change: "nothing" | "fork" }

const no = (reason: string, change: "nothing" | "fork" = "nothing"): Verdict => ({ accepts: false, reason, change })
const yes = (adds = 0): Verdict => ({ accepts: true, adds })

const runBytes = 1_048_576
const envelopeBytes = 262_144 + 128

// Judging -------------------------------------------------------------------------------------------------------------------------

const isManifestSigned = ({ content, device, deviceSignature, feed, feedSignature }: Manifest): boolean => {
  const message = overId("echo/manifest", content)
  return isSigned(feed, message, feedSignature) && isSigned(device, message, deviceSignature)
}

const isForUs = ({ device, feed, space }: Manifest, world: World): boolean =>
  equal(space, world.space) && world.devices.some((member) => equal(member, device)) && isKey(feed)

const judgeManifest = (bytes: Uint8Array, world: World): Verdict => {
  const manifest = readManifest(bytes)
  if (manifest === null) return no("no manifest")
  if (!isForUs(manifest, world)) return no("not for this space")
  return isManifestSigned(manifest) ? yes() : no("a signature does not hold")
}

const rootAt = (blocks: ReadonlyArray<Uint8Array>): Uint8Array => rootOf(blocks.length, peaksOf(blocks.map(leafOf)))

const judgeRun = (run: Run, world: World): Verdict => {
  const { blocks, feed: id, from, head, proof } = run
  const feed = world.feeds.get(hex(id))
  if (blocks.some((block) => block.length > envelopeBytes)) return no("a block too large")
  if (blocks.reduce((sum, block) => sum + block.length, 0) > runBytes) return no("too large")
  if (feed === undefined) return no("no such feed")
  if (!isSigned(id, headMessage(id, head.length, head.root), head.signature)) return no("not signed")
  if (feed.frozenAt !== null && head.length > feed.frozenAt) return no("frozen", forkOr(run, feed))
  if (from > feed.blocks.length) return no("a gap")
  const mine = [...feed.blocks.slice(0, from), ...blocks]
  const isSame = feed.blocks.slice(0, mine.length).every((block, i) => equal(block, mine[i]!))
  if (!isSame) return no("another block is stored", forkOr(run, feed))
  const peaks = peaksOf(feed.blocks.slice(0, from).map(leafOf))
  if (proof !== null && (proof.length !== peaks.length || !proof.every((node, i) => equal(node, peaks[i]!))))
    return no("a false proof")
  if (!equal(rootAt(mine), head.root)) return no("another root")
  return yes(Math.max(0, mine.length - feed.blocks.length))
}

/** Whether a run that is refused shows, together with what is stored, that its feed forked. */
const forkOr = ({ blocks, from, head, proof }: Run, feed: Feed): "nothing" | "fork" => {
  const leaves = blocks.map(leafOf)
  const differs = blocks.some((block, i) => from + i < feed.blocks.length && !equal(block, feed.blocks[from + i]!))
  if (!differs || from > feed.blocks.length) return "nothing"
  if (from === 0) return equal(rootOf(head.length, peaksOf(leaves)), head.root) ? "fork" : "nothing"
  // the peaks before must be those of what is stored; then all leaves are known
  const before = feed.blocks.slice(0, from).map(leafOf)
  const peaks = peaksOf(before)
  const isProof = proof !== null && proof.length === peaks.length && proof.every((node, i) => equal(node, peaks[i]!))
  return isProof && equal(rootOf(head.length, peaksOf([...before, ...leaves])), head.root) ? "fork" : "nothing"
}

const judgeFork = (proof: ForkProof | null, world: World): Verdict => {
  if (proof === null) return no("no proof")
  if (world.feeds.get(hex(proof.feed)) === undefined) return no("no such feed")
  return isFork(proof) ? yes() : no("it proves nothing")
}

/** What a frame must come to in this world. */
export const judge = (frame: Uint8Array, world: World): Verdict => {
  const message = readMessage(frame)
  if (message === null) return no("no message")
  if (message.type === "Manifest") return judgeManifest(message.manifest, world)
  if (message.type === "Data") return judgeRun(message.run, world)
  return message.type === "Fork" ? judgeFork(readFork(message.proof), world) : yes()
}

// Auditing ------------------------------------------------------------------------------------------------------------------------

interface Record {
  readonly root: Uint8Array
  readonly signature: Uint8Array | null
  readonly peaks: ReadonlyArray<Uint8Array> | null
  readonly bytes: Uint8Array
}

class Unsound extends Error {}
const insist: (holds: boolean, what: string) => asserts holds = (holds, what) => {
  if (!holds) throw new Unsound(what)
}

const itemsOf = (value: Uint8Array, count: number, what: string) => {
  const { fault, node } = read(value)
  const items = listOf(node ?? undefined)
  insist(fault === null && items !== null && items.length === count, `${what} is not a record of ${count} items: ${fault}`)
  const sum = Buffer.alloc(5, 0x44)
  sum.writeUInt32BE(crc32(value.subarray(0, -5)), 1)
  insist(equal(value.subarray(-5), sum), `${what} has another checksum`)
  return items
}

const nodesOf = (list: ReturnType<typeof listOf>): ReadonlyArray<Uint8Array> | null =>
  list === null ? null : list.map((item) => bytesOf(item, 32) ?? new Uint8Array())

const recordOf = (value: Uint8Array): Record => {
  const items = itemsOf(value, 6, "a block")
  const root = bytesOf(items[1], 32)
  const signature = items[2]!.kind === "null" ? null : bytesOf(items[2], 64)
  insist(root !== null && items[4]!.kind === "bytes", "a block's record has another shape")
  return { root, signature, peaks: nodesOf(listOf(items[3])), bytes: items[4]!.bytes }
}

/** Keys of feeds: 03 || space || kind (0 feed, 1 block, 2 fork) || feed || index. */
const partsOf = (key: Uint8Array) => ({
  kind: key[33],
  space: key.subarray(1, 33),
  feed: hex(key.subarray(34, 66)),
  index: key.length === 74 ? Number(Buffer.from(key).readBigUInt64BE(66)) : -1
})

const auditBlocks = (id: Uint8Array, records: ReadonlyArray<Record>): void => {
  const leaves: Array<Uint8Array> = []
  records.forEach(({ bytes, peaks, root, signature }, i) => {
    leaves.push(leafOf(bytes))
    insist(equal(rootOf(leaves.length, peaksOf(leaves)), root), `block ${i} has the root of other blocks`)
    insist(
      signature === null || isSigned(id, headMessage(id, i + 1, root), signature),
      `the signature of block ${i} does not hold`
    )
    insist((peaks !== null) === ((i + 1) % 64 === 0), `block ${i} keeps peaks, or lacks them`)
    insist(i < records.length - 1 || signature !== null, "the last block is not signed")
  })
}

/** Reads a storage as a world. Throws at any byte of a feed that nobody has signed, and at any record that is not as documented. */
export const audit = (entries: ReadonlyArray<Entry>, space: Uint8Array, devices: ReadonlyArray<Uint8Array>): World => {
  const world = { space, devices, feeds: new Map<string, Feed>() }
  const parts = entries.filter(({ key }) => key[0] === 3).map(({ key, value }) => ({ ...partsOf(key), value }))
  for (const { feed, kind, space: where, value } of parts) {
    insist(equal(where, space) && kind !== undefined && kind <= 2, "a record of no kind")
    if (kind !== 0) continue
    const items = itemsOf(value, 12, "a feed")
    insist(uint(items[0]) === 0 && items[1]!.kind === "bytes", "a feed of another version, or without a manifest")
    const manifest = readManifest(items[1]!.bytes)
    insist(manifest !== null && hex(manifest.feed) === feed, "a manifest of another feed")
    insist(isForUs(manifest, world) && isManifestSigned(manifest), "a manifest that does not hold")
    const own = parts.filter((part) => part.kind === 1 && part.feed === feed).sort((a, b) => a.index - b.index)
    insist(own.every(({ index }, i) => index === i) && own.length === uint(items[4]), "blocks are missing, or left over")
    const records = own.map((part) => recordOf(part.value))
    auditBlocks(manifest.feed, records)
    const blocks = records.map(({ bytes }) => bytes)
    const root = blocks.length > 0 ? rootAt(blocks) : new Uint8Array(32)
    insist(equal(bytesOf(items[5], 32)!, root), "the feed has another root than its blocks")
    const peaks = nodesOf(listOf(items[6]))
    insist(peaks !== null && compareLists(peaks, peaksOf(blocks.map(leafOf))), "the feed has other peaks than its blocks")
    const frozenAt = items[10]!.kind === "null" ? null : uint(items[10])
    world.feeds.set(feed, { id: manifest.feed, manifest: items[1]!.bytes, blocks, frozenAt })
  }
  auditForks(parts, world)
  return world
}

const compareLists = (a: ReadonlyArray<Uint8Array>, b: ReadonlyArray<Uint8Array>): boolean =>
  a.length === b.length && a.every((each, i) => compare(each, b[i]!) === 0)

const auditForks = (parts: ReadonlyArray<ReturnType<typeof partsOf> & { readonly value: Uint8Array }>, world: World): void => {
  const proofs = new Map(parts.filter(({ kind }) => kind === 2).map(({ feed, value }) => [feed, readFork(value)]))
  for (const [feed, proof] of proofs) {
    insist(proof !== null && hex(proof.feed) === feed && isFork(proof), "a fork proof that does not hold")
    insist(world.feeds.get(feed)?.frozenAt === proof.index, "a feed that is not frozen where it is proved to have forked")
  }
  for (const [id, feed] of world.feeds) insist(feed.frozenAt === null || proofs.has(id), "a feed frozen without a proof")
  for (const part of parts) insist(world.feeds.has(part.feed), "a record of a feed that has no manifest")
}
