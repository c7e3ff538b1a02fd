/**
 * Mutants that get past the signature: the content is mutated first, and then signed by the keys that may sign it.
 *
 * Beside them those that a peer without any key can make: other proofs, other orders, other lengths under the old signature.
 */
import { concat, type Made, make, read } from "./cbor.ts"
import {
  alice,
  type Base,
  type BranchForm,
  bob,
  branches,
  envelope,
  feedA,
  feedB,
  forkOf,
  formOfA,
  formOfB,
  formOfLaterA,
  headOf,
  type Key,
  manifestForm,
  type RunForm,
  rootOfBlocks,
  sign
} from "./corpus.ts"
import { type Mutator, mutators } from "./mutators.ts"
import type { Random } from "./random.ts"
import { headMessage, heightsOf, leafOf, overId, peaksOf } from "./verifier.ts"

/** A frame to offer, and to which store. */
export interface Frame {
  readonly frame: Uint8Array
  readonly base: Base
}

interface Source {
  readonly form: RunForm
  readonly base: Base
}

const sources: ReadonlyArray<Source> = [
  { form: formOfA, base: "fresh" },
  { form: formOfLaterA, base: "grown" },
  { form: formOfB, base: "fresh" }
]
/** What is stored already, otherwise: most of these fork. */
const stored: Source = { form: formOfA, base: "grown" }
const sourceOf = (random: Random): Source => (random.below(12) === 0 ? stored : random.pick(sources))

const contentOf = (block: Uint8Array): Uint8Array => {
  const { node } = read(block)
  const content = node?.kind === "array" ? node.items[4] : undefined
  return content?.kind === "bytes" ? content.bytes : new Uint8Array()
}

const inner = Object.values(mutators)
const contents = [...formOfA.blocks, ...formOfLaterA.blocks, ...formOfB.blocks].map(contentOf)

/** One of the plain mutators or two, mostly by meaning. */
const mutated = (bytes: Uint8Array, random: Random): Uint8Array => {
  let out = bytes
  for (let n = random.below(4) === 0 ? 2 : 1; n > 0 && out.length > 1; n--) {
    const mutate: Mutator = random.below(4) === 0 ? random.pick(inner) : mutators["exchange"]!
    out = mutate(out, random, contents).bytes
  }
  return out
}

interface Parts {
  readonly feed: Key
  readonly from: number
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly head: Made
  readonly proof: ReadonlyArray<Uint8Array> | null
}

const frameOf = ({ blocks, feed, from, head, proof }: Parts): Uint8Array => make([4, feed.publicKey, from, blocks, head, proof])

const proofOf = ({ before, withProof }: RunForm) => (withProof ? peaksOf(before.map(leafOf)) : null)
const partsOf = (form: RunForm, blocks = form.blocks): Parts => {
  const head = headOf(form.feed, [...form.before, ...blocks])
  return { feed: form.feed, from: form.before.length, blocks, head, proof: proofOf(form) }
}

const replaced = <A>(list: ReadonlyArray<A>, at: number, by: A): ReadonlyArray<A> => list.map((each, i) => (i === at ? by : each))

type Making = (random: Random) => Frame

/** The plain content of a block, mutated, and all above it made anew and signed. */
const plain: Making = (random) => {
  const { base, form } = sourceOf(random)
  const at = random.below(form.blocks.length)
  const blocks = replaced(form.blocks, at, envelope(mutated(contentOf(form.blocks[at]!), random)))
  return { frame: frameOf(partsOf(form, blocks)), base }
}

/** The envelope of a block, mutated, and all above it made anew and signed. */
const sealed: Making = (random) => {
  const { base, form } = sourceOf(random)
  const at = random.below(form.blocks.length)
  return { frame: frameOf(partsOf(form, replaced(form.blocks, at, mutated(form.blocks[at]!, random)))), base }
}

const reordered = (blocks: ReadonlyArray<Uint8Array>, random: Random): ReadonlyArray<Uint8Array> => {
  const [i, j] = [random.below(blocks.length), random.below(blocks.length)]
  switch (random.below(3)) {
    case 0:
      return replaced(replaced(blocks, i, blocks[j]!), j, blocks[i]!)
    case 1:
      return [...blocks.slice(0, i), blocks[i]!, ...blocks.slice(i)]
    default:
      return blocks.length > 1 ? blocks.filter((_, at) => at !== i) : [...blocks, ...blocks]
  }
}

/** Other blocks, in another order, or fewer, signed as they are; or with another start, length, root or proof under a good signature. */
const shape: Making = (random) => {
  const { base, form } = sourceOf(random)
  const blocks = reordered(form.blocks, random)
  const parts = partsOf(form, blocks)
  const all = [...form.before, ...blocks]
  const head = (length: number, root: Uint8Array): Made => [
    length,
    root,
    sign(form.feed, headMessage(form.feed.publicKey, length, root))
  ]
  switch (random.below(6)) {
    case 0:
      return { frame: frameOf({ ...parts, head: head(all.length, random.bytes(32)) }), base }
    case 1:
      return { frame: frameOf({ ...parts, head: head(all.length + 1 + random.below(3), rootOfBlocks(all)) }), base }
    case 2:
      return { frame: frameOf({ ...parts, from: parts.from + 1, head: head(all.length + 1, rootOfBlocks(all)) }), base }
    case 3:
      return { frame: frameOf({ ...parts, proof: falseProof(parts, random) }), base }
    case 4:
      // another feed's key, over the right message
      return { frame: frameOf({ ...parts, head: headOf(form.feed === feedA ? feedB : feedA, all) }), base }
    default:
      return { frame: frameOf(parts), base }
  }
}

const falseProof = ({ from, proof }: Parts, random: Random): ReadonlyArray<Uint8Array> => {
  const nodes = proof ?? []
  switch (random.below(5)) {
    case 0:
      return [...nodes, random.bytes(32)]
    case 1:
      return nodes.slice(1)
    case 2:
      return [...nodes].reverse()
    case 3:
      return heightsOf(from).map(() => random.bytes(32))
    default:
      return nodes.map((each, i) => (i === 0 ? mutators["bit flip"]!(each, random, []).bytes : each))
  }
}

/** A manifest whose content was mutated, signed by both keys. */
const manifest: Making = (random) => {
  const form = random.pick([manifestForm(alice, feedA, 1), manifestForm(bob, feedB, 1)])
  const content = mutated(make(form.content), random)
  const { fault, node } = read(content)
  const message = overId("echo/manifest", content)
  const signatures = [make(sign(form.feed, message)), make(sign(form.device, message))]
  // what is no list any more is signed all the same, and put where the list was
  const isList = fault === null && node?.kind === "array"
  const count = isList && node.items.length + 2 < 24 ? node.items.length + 2 : 7
  const items = isList ? content.subarray(node.head) : content.subarray(1)
  return { frame: make([5, concat([0x80 | count], items, ...signatures)]), base: "empty" }
}

/** A fork proof with false parts under heads that are signed. */
const fork: Making = (random) => {
  const [a, b] = branches
  const wrong = (branch: BranchForm): BranchForm => {
    switch (random.below(4)) {
      case 0:
        return { ...branch, leaf: random.bytes(32) }
      case 1:
        return { ...branch, proof: random.pick([[], [...branch.proof, random.bytes(32)], [random.bytes(32)]]) }
      case 2:
        return { ...branch, blocks: reordered(branch.blocks, random) }
      default:
        return branch
    }
  }
  const index = random.pick([2, 2, 2, 0, 1, 3, 2 ** 53 - 1])
  const [left, right] = random.pick([
    [a, b],
    [b, a],
    [a, a],
    [b, wrong(b)]
  ] as const)
  const feed = random.pick([feedA, feedA, feedA, feedB])
  return { frame: make([11, forkOf(feed, index, wrong(left), right)]), base: random.pick(["grown", "grown", "fresh"] as const) }
}

export const signedAgain: ReadonlyArray<readonly [name: string, weight: number, making: Making]> = [
  ["signed: content", 10, plain],
  ["signed: envelope", 3, sealed],
  ["signed: run", 3, shape],
  ["signed: manifest", 3, manifest],
  ["signed: fork", 1, fork]
]

// Without a key -------------------------------------------------------------------------------------------------------------------

const unsigned =
  (change: (parts: Parts, random: Random) => Parts): Making =>
  (random) => {
    const { base, form } = sourceOf(random)
    return { frame: frameOf(change(partsOf(form), random)), base }
  }

/** What a peer without keys can do to a run that it passes on. */
export const passedOn: { readonly [name: string]: Making } = {
  "false proof": unsigned((parts, random) => ({ ...parts, proof: falseProof(parts, random) })),
  "other blocks": unsigned((parts, random) => {
    const blocks = reordered(parts.blocks, random)
    const head = parts.head as ReadonlyArray<Made>
    return { ...parts, blocks, head: [parts.from + blocks.length, ...head.slice(1)] }
  }),
  "wrong length": unsigned((parts, random) => {
    const head = parts.head as ReadonlyArray<Made>
    const by = random.pick([1, 2, 2 ** 40])
    const isMoved = random.below(2) === 0
    return { ...parts, from: isMoved ? parts.from + by : parts.from, head: [(head[0] as number) + by, ...head.slice(1)] }
  })
}
