/**
 * What is mutated: a manifest for each of two feeds, their runs with dependencies, a fork proof, one of each wire message, and a ticket.
 *
 * Made from fixed keys by the naive writer, at most 4 KB in all, the same in every run. A third feed, which nothing is done to, shows
 * that other feeds go on.
 */
import { createPrivateKey, type KeyObject, sign as signNatively } from "node:crypto"
import { ed25519 } from "@noble/curves/ed25519.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { compare, concat, type Made, make } from "./cbor.ts"
import { headMessage, idOf, leafOf, overId, peaksOf, rootOf } from "./verifier.ts"

export interface Key {
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
  readonly native: KeyObject
}

const keyOf = (name: string): Key => {
  const seed = sha256(new TextEncoder().encode(`troupe fuzz ${name}`))
  // RFC 8410: what stands before a seed
  const der = concat(Buffer.from("302e020100300506032b657004220420", "hex"), seed)
  const native = createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" })
  return { seed, publicKey: ed25519.getPublicKey(seed), native }
}

/** Thousands are signed, which the platform does ten times as fast. */
export const sign = (key: Key, message: Uint8Array): Uint8Array => new Uint8Array(signNatively(null, message, key.native))

export const alice = keyOf("alice")
export const bob = keyOf("bob")
export const feedA = keyOf("feed a")
export const feedB = keyOf("feed b")
/** The feed that goes on. */
export const feedC = keyOf("feed c")
const [idA, idB] = [feedA.publicKey, feedB.publicKey]

export const devices = [alice.publicKey, bob.publicKey].sort(compare)
const genesis = make([0, sha256(new TextEncoder().encode("nonce")).slice(0, 16), devices])
export const space = idOf("echo/genesis", genesis)
export const ticket = Buffer.from(make([0, genesis, ["wss://kube.example/"], space.slice(0, 4)])).toString("base64url")

// Manifests and runs --------------------------------------------------------------------------------------------------------------

export interface ManifestForm {
  readonly content: ReadonlyArray<Made>
  readonly feed: Key
  readonly device: Key
}

/** A manifest whose content is `content`, whatever that is, signed by both keys. */
export const manifestOf = ({ content, device, feed }: ManifestForm): Uint8Array => {
  const message = overId("echo/manifest", make(content))
  return make([...content, sign(feed, message), sign(device, message)])
}

export const manifestForm = (device: Key, feed: Key, incarnation: number): ManifestForm => ({
  content: [0, space, device.publicKey, feed.publicKey, incarnation],
  feed,
  device
})

export const envelope = (content: Uint8Array): Uint8Array => make([0, 0, new Uint8Array(16), new Uint8Array(24), content])

/** A run before it is signed: its blocks, and the blocks before them. */
export interface RunForm {
  readonly feed: Key
  readonly before: ReadonlyArray<Uint8Array>
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly withProof: boolean
}

export const rootOfBlocks = (blocks: ReadonlyArray<Uint8Array>): Uint8Array => rootOf(blocks.length, peaksOf(blocks.map(leafOf)))

export const headOf = (feed: Key, blocks: ReadonlyArray<Uint8Array>): ReadonlyArray<Made> => {
  const root = rootOfBlocks(blocks)
  return [blocks.length, root, sign(feed, headMessage(feed.publicKey, blocks.length, root))]
}

/** The run as a message, signed by its feed. */
export const runOf = ({ before, blocks, feed, withProof }: RunForm): Uint8Array => {
  const proof = withProof ? peaksOf(before.map(leafOf)) : null
  return make([4, feed.publicKey, before.length, blocks, headOf(feed, [...before, ...blocks]), proof])
}

const block = (first: number, feeds: ReadonlyArray<Uint8Array>, ...changeSets: ReadonlyArray<Made>): Uint8Array =>
  envelope(make([0, first, [], feeds, changeSets]))

const root16 = new Uint8Array(16).fill(9)
const own = [0, 1]
const time = 1_700_000_000_000 * 1_024

const blocksOfA: ReadonlyArray<Uint8Array> = [
  block(
    1,
    [],
    [
      time,
      null,
      [
        [0, "task", 1, null, Uint8Array.of(0x80)],
        [3, own, ["title"], "Tea ☕"]
      ]
    ]
  ),
  block(
    3,
    [],
    [
      time + 1,
      null,
      [
        [
          3,
          own,
          ["at"],
          new Map<string, Made>([
            ["lat", 52.5],
            ["raw", Uint8Array.of(1, 2)]
          ])
        ]
      ]
    ],
    [time + 2, null, [[2, own, true]]]
  ),
  block(
    5,
    [],
    [
      time + 3,
      null,
      [
        [3, own, ["tags"], [0, "a", [1, 0, 1], null, -7]],
        [4, own, ["at", "raw"]]
      ]
    ]
  )
]
const laterOfA: ReadonlyArray<Uint8Array> = [
  block(7, [idB], [time + 9, [[1, 1, 2, root16]], [[3, [1, 1], ["by"], [1, 0, 1]]]]),
  block(8, [], [time + 10, null, [[2, own, false]]])
]
const blocksOfB: ReadonlyArray<Uint8Array> = [
  block(
    1,
    [],
    [
      time + 4,
      null,
      [
        [0, "person", 1, null, Uint8Array.of(0x80)],
        [3, own, ["name"], "Bo"]
      ]
    ]
  ),
  block(
    3,
    [idA],
    [
      time + 5,
      [[1, 2, 4, root16]],
      [
        [3, [1, 1], ["title"], "Coffee"],
        [3, own, ["age"], 2 ** 40]
      ]
    ]
  )
]
const blocksOfC: ReadonlyArray<Uint8Array> = [1, 3].map((first) =>
  block(
    first,
    [],
    [
      time + first,
      null,
      [
        [0, "note", 1, null, Uint8Array.of(0x80)],
        [3, [0, first], ["n"], first]
      ]
    ]
  )
)

export const formOfA: RunForm = { feed: feedA, before: [], blocks: blocksOfA, withProof: false }
export const formOfLaterA: RunForm = { feed: feedA, before: blocksOfA, blocks: laterOfA, withProof: true }
export const formOfB: RunForm = { feed: feedB, before: [], blocks: blocksOfB, withProof: true }
const formOfC: RunForm = { feed: feedC, before: [], blocks: blocksOfC, withProof: false }

// Forks ---------------------------------------------------------------------------------------------------------------------------

/** The last of the three blocks of A, and another in its place. */
export const forkedOfA: ReadonlyArray<Uint8Array> = [...blocksOfA.slice(0, 2), block(5, [], [time, null, [[2, own, true]]])]

export interface BranchForm {
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly leaf: Uint8Array
  readonly proof: ReadonlyArray<Uint8Array>
}

/** The branch at index 2 of three: the other peak is all of its proof. */
const branchOf = (blocks: ReadonlyArray<Uint8Array>): BranchForm => ({
  blocks,
  leaf: leafOf(blocks[2]!),
  proof: peaksOf(blocks.map(leafOf)).slice(0, 1)
})

export const branches: readonly [BranchForm, BranchForm] = [branchOf(blocksOfA), branchOf(forkedOfA)]

export const forkOf = (feed: Key, index: number, a: BranchForm, b: BranchForm): ReadonlyArray<Made> => [
  feed.publicKey,
  headOf(feed, a.blocks),
  headOf(feed, b.blocks),
  index,
  a.leaf,
  a.proof,
  b.leaf,
  b.proof
]

// The corpus ----------------------------------------------------------------------------------------------------------------------

export type Base = "empty" | "fresh" | "grown"

export interface Item {
  readonly name: string
  readonly bytes: Uint8Array
  /** In which store it is taken when nothing is wrong with it. */
  readonly base: Base
}

const some32 = sha256(Uint8Array.of(1))
const lowest = new Uint8Array(32)
const highest = new Uint8Array(32).fill(255)
const lengths: ReadonlyArray<Made> = [idA, idB]
  .sort(compare)
  .map((feed, i) => [feed, 300, i === 0 ? some32.subarray(0, 16) : 300])

const item = (name: string, base: Base, bytes: Uint8Array): Item => ({ name, base, bytes })

const manifestA = item("Manifest of A", "empty", make([5, manifestOf(manifestForm(alice, feedA, 1))]))
const manifestB = item("Manifest of B", "empty", make([5, manifestOf(manifestForm(bob, feedB, 1))]))
export const ticketItem = item("Ticket", "empty", new TextEncoder().encode(ticket))

export const corpus: ReadonlyArray<Item> = [
  manifestA,
  manifestB,
  item("Data of A", "fresh", runOf(formOfA)),
  item("Data of A, later", "grown", runOf(formOfLaterA)),
  item("Data of B", "fresh", runOf(formOfB)),
  item("Fork of A", "grown", make([11, forkOf(feedA, 2, ...branches)])),
  item("Summary", "fresh", make([0, some32, some32, idOf("echo/range", make([]))])),
  item("Range, hash", "fresh", make([1, 0, lowest, highest, 2, some32])),
  item("Range, items", "fresh", make([1, 0, lowest, highest, 2, lengths])),
  item("Have", "fresh", make([2, lengths])),
  item(
    "Want",
    "fresh",
    make([
      3,
      [
        [idA, 0, null],
        [idB, 1, 70_000]
      ]
    ])
  ),
  item("Refuse", "fresh", make([10, "bad-proof", idA])),
  ticketItem
]

/** Frames that are never mutated: how the stores come to be, and the feed that goes on. */
const manifestC = make([5, manifestOf(manifestForm(bob, feedC, 2))])
export const dataOfC = runOf(formOfC)
export const frames: { readonly [base in Base]: ReadonlyArray<Uint8Array> } = {
  empty: [manifestC],
  fresh: [manifestA.bytes, manifestB.bytes, manifestC],
  grown: [manifestA.bytes, manifestB.bytes, manifestC, runOf(formOfA), runOf(formOfB)]
}

export const corpusBytes = concat(...corpus.map(({ bytes }) => bytes)).length
