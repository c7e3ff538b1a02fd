/**
 * Feeds as bytes: trees against a naive recursive one, blocks, manifests and fork proofs against hostile spellings.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import {
  branchOf,
  contradicts,
  decodeBlock,
  decodeForkProof,
  decodeManifest,
  encodeBlock,
  encodeForkProof,
  encodeManifest
} from "../../src/schema/echo/Feed.ts"
import { leafHash, Peaks, peaksAfter, prove, rootOfProof } from "../../src/schema/echo/Merkle.ts"
import { Writer } from "../../src/schema/platform/Codec.ts"
import { naiveLeaf, naivePeaks, naiveRoot } from "./FeedDevices.ts"

const { hash } = CryptoNode.make()
const blocks = Array.from({ length: 70 }, (_, i) => new Uint8Array(i * 3 + 1).fill(i))
const leaves = blocks.map((block) => leafHash(block, hash))
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill)
const verdict = (result: Result.Result<unknown, { readonly _tag: string }>) =>
  Result.isSuccess(result) ? "accepted" : result.failure._tag

describe("Merkle", () => {
  it("hashes leaves, peaks and roots as the naive recursive tree does, at every length", () => {
    const peaks = new Peaks()
    for (let length = 1; length <= blocks.length; length++) {
      peaks.append(leafHash(blocks[length - 1]!, hash), hash)
      const naive = blocks.slice(0, length).map(naiveLeaf)
      assert.strictEqual(hex(peaks.root(hash)), hex(naiveRoot(naive)))
      assert.deepStrictEqual(
        peaks.list().map(hex),
        naivePeaks(naive).map(({ node }) => hex(node))
      )
    }
  })

  it("goes on from peaks alone", () => {
    for (let from = 0; from <= blocks.length; from++) {
      const before = peaksAfter({ from: 0, peaks: [], leaves: leaves.slice(0, from) }, hash)
      const after = peaksAfter({ from, peaks: before.list(), leaves: leaves.slice(from) }, hash)
      assert.strictEqual(hex(after.root(hash)), hex(naiveRoot(leaves)))
    }
  })

  it("proves each leaf in each tree, from any place at or before it", () => {
    for (let length = 1; length <= 40; length++) {
      const root = hex(naiveRoot(leaves.slice(0, length)))
      for (let index = 0; index < length; index++) {
        for (const from of [0, index >>> 1, index]) {
          const peaks = peaksAfter({ from: 0, peaks: [], leaves: leaves.slice(0, from) }, hash).list()
          const proof = prove({ from, peaks, leaves: leaves.slice(from, length) }, length, index, hash)
          const found = rootOfProof(leaves[index]!, index, length, proof, hash)
          assert.strictEqual(found === null ? null : hex(found), root, `leaf ${index} of ${length} from ${from}`)
        }
      }
    }
  })

  it("leads another leaf, index, length or proof to another root, or to none", () => {
    const length = 37
    const root = hex(naiveRoot(leaves.slice(0, length)))
    const proof = prove({ from: 0, peaks: [], leaves: leaves.slice(0, length) }, length, 33, hash)
    const leadsTo = (leaf: Uint8Array, index: number, of: number, nodes: ReadonlyArray<Uint8Array>) => {
      const found = rootOfProof(leaf, index, of, nodes, hash)
      return found === null ? null : hex(found)
    }
    assert.strictEqual(leadsTo(leaves[33]!, 33, length, proof), root)
    assert.notStrictEqual(leadsTo(leaves[32]!, 33, length, proof), root)
    for (let index = 0; index < 60; index++)
      if (index !== 33) assert.notStrictEqual(leadsTo(leaves[33]!, index, length, proof), root)
    for (let of = 1; of < 60; of++) if (of !== length) assert.notStrictEqual(leadsTo(leaves[33]!, 33, of, proof), root)
    assert.isNull(leadsTo(leaves[33]!, 33, length, proof.slice(1)))
    assert.isNull(leadsTo(leaves[33]!, 33, length, [...proof, proof[0]!]))
    proof.forEach((_, i) => {
      const changed = proof.map((node, at) => (at === i ? bytes(32, 1) : node))
      assert.notStrictEqual(leadsTo(leaves[33]!, 33, length, changed), root)
    })
  })
})

describe("Feed", () => {
  it("puts content into an envelope and takes it out again", () => {
    for (const length of [0, 23, 24, 300, 262_144]) {
      const plain = bytes(length, 7)
      const block = encodeBlock(plain)
      const content = decodeBlock(block)
      assert.deepStrictEqual(Result.isSuccess(content) ? content.success : null, plain)
    }
  })

  it("tells what a newer version wrote from what nobody may write", () => {
    const block = (version: number, suite: number, keyId: number, nonce: number, size = 16) =>
      new Writer().array(5).int(version).int(suite).bytes(bytes(size, keyId)).bytes(bytes(24, nonce)).bytes(bytes(3, 1)).finish()
    assert.strictEqual(verdict(decodeBlock(block(0, 0, 0, 0))), "accepted")
    assert.strictEqual(verdict(decodeBlock(block(1, 1, 9, 9))), "Unsupported")
    assert.strictEqual(verdict(decodeBlock(block(0, 1, 9, 9))), "Unsupported")
    assert.strictEqual(verdict(decodeBlock(new Writer().array(2).int(4).text("?").finish())), "Unsupported")
    assert.strictEqual(verdict(decodeBlock(block(0, 0, 1, 0))), "Malformed")
    assert.strictEqual(verdict(decodeBlock(block(0, 0, 0, 1))), "Malformed")
    assert.strictEqual(verdict(decodeBlock(block(0, 0, 0, 0, 15))), "Malformed")
    assert.strictEqual(verdict(decodeBlock(new Writer().array(0).finish())), "Malformed")
    assert.strictEqual(verdict(decodeBlock(new Writer().text("x").finish())), "Malformed")
    assert.strictEqual(verdict(decodeBlock(Uint8Array.of(0x85, 0))), "Malformed")
  })

  it("reads a manifest in its one spelling alone", () => {
    const manifest = {
      space: bytes(32, 1),
      device: bytes(32, 2),
      feed: bytes(32, 3),
      incarnation: 300,
      feedSignature: bytes(64, 4),
      deviceSignature: bytes(64, 5)
    }
    const encoded = encodeManifest(manifest)
    const decoded = decodeManifest(encoded)
    assert.deepStrictEqual(Result.isSuccess(decoded) ? decoded.success : null, manifest)
    for (let length = 0; length < encoded.length; length++) {
      assert.strictEqual(verdict(decodeManifest(encoded.subarray(0, length))), "Malformed")
    }
    assert.strictEqual(verdict(decodeManifest(Uint8Array.of(...encoded, 0))), "Malformed")
    assert.strictEqual(verdict(decodeManifest(new Uint8Array(1_025))), "Malformed")
  })

  it("reads a fork proof in its one spelling, and believes only what contradicts", () => {
    const other = leaves.map((leaf, i) => (i === 5 ? bytes(32, 0xee) : leaf))
    const head = (of: ReadonlyArray<Uint8Array>) => ({ length: of.length, root: naiveRoot(of), signature: bytes(64, 6) })
    const side = (of: ReadonlyArray<Uint8Array>) => branchOf(head(of), 5, { from: 0, peaks: [], leaves: of }, hash)
    const proof = { feed: bytes(32, 3), index: 5, a: side(leaves.slice(0, 9)), b: side(other.slice(0, 40)) }
    const encoded = encodeForkProof(proof)
    const decoded = decodeForkProof(encoded)
    assert.isTrue(Result.isSuccess(decoded) && contradicts(decoded.success, hash))
    assert.deepStrictEqual(Result.isSuccess(decoded) ? encodeForkProof(decoded.success) : null, encoded)
    assert.isFalse(contradicts({ ...proof, b: proof.a }, hash))
    assert.isFalse(contradicts({ ...proof, index: 4 }, hash))
    assert.isFalse(contradicts({ ...proof, index: 9 }, hash))
    for (let length = 0; length < encoded.length; length++) {
      assert.strictEqual(verdict(decodeForkProof(encoded.subarray(0, length))), "Malformed")
    }
  })
})
