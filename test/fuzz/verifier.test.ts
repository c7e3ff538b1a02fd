/**
 * The second verifier is worth what it refuses: planted faults, one for each rule of docs/format.md, which it must find.
 *
 * The product judges the same bytes here, so that both opinions are held to the rule and not only to each other.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { decode } from "../../src/schema/platform/Codec.ts"
import { concat, type Made, make, node, read, write } from "./cbor.ts"
import {
  alice,
  bob,
  branches,
  corpus,
  devices,
  envelope,
  feedA,
  feedB,
  feedC,
  forkedOfA,
  forkOf,
  formOfA,
  formOfLaterA,
  frames,
  headOf,
  manifestForm,
  manifestOf,
  runOf,
  sign,
  space,
  ticket
} from "./corpus.ts"
import { Device, offerTicket } from "./product.ts"
import {
  headMessage,
  heightsOf,
  idOf,
  isSigned,
  leafOf,
  peaksOf,
  readMessage,
  readTicket,
  rootOf,
  rootProven
} from "./verifier.ts"
import { audit, judge } from "./world.ts"

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"))

describe("verifier: DC1", () => {
  const faults: ReadonlyArray<readonly [fault: string, hex: string]> = [
    ["an integer in two bytes that fits in one", "1817"],
    ["in three", "1900ff"],
    ["in five", "1a0000ffff"],
    ["in nine", "1b00000000ffffffff"],
    ["beyond 2^53−1", "1b0020000000000000"],
    ["below −(2^53−1)", "3b001fffffffffffff"],
    ["a wide length of bytes", "580100"],
    ["a wide length of text", "780161"],
    ["a wide count", "980100"],
    ["indefinite bytes", "5f4100ff"],
    ["an indefinite array", "9f00ff"],
    ["a tag", "c100"],
    ["undefined", "f7"],
    ["half a float", "f93c00"],
    ["a single float", "fa3fc00000"],
    ["an integer as a float", "fb3ff0000000000000"],
    ["another NaN", "fb7ff8000000000001"],
    ["bad UTF-8", "62c328"],
    ["a surrogate", "63eda080"],
    ["an overlong form", "62c0af"],
    ["something that follows", "0000"],
    ["cut off", "8200"],
    ["nothing", ""],
    ["keys out of order", "a2616201616101"],
    ["keys by length, not by bytes", "a2616201626161" + "01"],
    ["a key twice", "a2616101616102"],
    ["a key that is no text", "a10001"],
    ["a forbidden key", "a1695f5f70726f746f5f5f01"],
    ["17 levels", `${"81".repeat(17)}00`]
  ]
  for (const [fault, hex] of faults) {
    it(`refuses ${fault}`, () => {
      assert.isNotNull(read(bytesOf(hex)).fault)
      assert.isTrue(Result.isFailure(decode(bytesOf(hex))))
    })
  }

  it("accepts what is written by its own writer, and the product does", () => {
    const values: ReadonlyArray<Made> = [
      ...[0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32, 2 ** 53 - 1, -1, -24, -25, -(2 ** 53 - 1), 0.5, -0.5, Number.NaN, 1e300],
      ...["", "a", "é", "\u{1f600}", "\ufeff", "x".repeat(300)],
      new Map<string, Made>([
        ["b", 1],
        ["a", [true, false, null]],
        ["aa", new Uint8Array(300)],
        ["é", "x"]
      ])
    ]
    for (const value of values) {
      const bytes = make(value)
      assert.deepStrictEqual(read(bytes).fault, null)
      assert.deepStrictEqual(write(read(bytes).node ?? node(null)), bytes)
      assert.isTrue(Result.isSuccess(decode(bytes)), Buffer.from(bytes).toString("hex"))
    }
    assert.isNull(read(bytesOf(`${"81".repeat(16)}00`)).fault)
  })
})

describe("verifier: trees and signatures", () => {
  const leaves = Array.from({ length: 13 }, (_, i) => leafOf(Uint8Array.of(i)))

  it("proves each leaf by its own siblings and peaks, and by nothing else", () => {
    const tree = leaves.slice(0, 6)
    const root = rootOf(6, peaksOf(tree))
    const two = peaksOf(tree.slice(0, 2))[0]!
    const last = peaksOf(tree.slice(4))[0]!
    const proof = [tree[3]!, two, last]
    assert.deepStrictEqual(heightsOf(6), [2, 1])
    assert.deepStrictEqual(rootProven(tree[2]!, 2, 6, proof), root)
    for (const [leaf, index, length, nodes] of [
      [tree[1]!, 2, 6, proof],
      [tree[2]!, 3, 6, proof],
      [tree[2]!, 2, 7, proof],
      [tree[2]!, 2, 6, [two, tree[3]!, last]],
      [tree[2]!, 2, 6, proof.slice(1)],
      [tree[2]!, 2, 6, [...proof, last]]
    ] as const) {
      const found = rootProven(leaf, index, length, nodes)
      assert.notDeepEqual(found, root)
    }
  })

  it("holds a signature to its key, its message and its one spelling", () => {
    const message = headMessage(feedA.publicKey, 3, leaves[0]!)
    const signature = sign(feedA, message)
    assert.isTrue(isSigned(feedA.publicKey, message, signature))
    assert.isFalse(isSigned(feedB.publicKey, message, signature))
    assert.isFalse(isSigned(feedA.publicKey, headMessage(feedA.publicKey, 4, leaves[0]!), signature))
    // S + L is the same number to a careless verifier
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString("hex")}`) + order
    const wide = new Uint8Array(Buffer.from(s.toString(16).padStart(64, "0"), "hex").reverse())
    assert.isFalse(isSigned(feedA.publicKey, message, concat(signature.slice(0, 32), wide)))
    const small = Uint8Array.of(1, ...new Uint8Array(31))
    assert.isFalse(isSigned(small, message, new Uint8Array(64)))
  })
})

describe("verifier: what changes a store", () => {
  const worldOf = (base: keyof typeof frames) => audit(Device.taking(frames[base]).dump(), space, devices)
  const [fresh, grown] = [worldOf("fresh"), worldOf("grown")]
  const blocks = formOfA.blocks
  const part = { feed: feedA, before: [], withProof: false }
  const withHead = (head: Made, proof: Made = null) => make([4, feedA.publicKey, 0, blocks, head, proof])
  const head = headOf(feedA, blocks)

  it("accepts the corpus where it belongs", () => {
    for (const { base, bytes, name } of corpus) {
      if (name !== "Ticket")
        assert.isTrue(judge(bytes, base === "empty" ? worldOf("empty") : base === "fresh" ? fresh : grown).accepts, name)
    }
  })

  const manifest = manifestForm(alice, feedA, 1)
  const faults: ReadonlyArray<readonly [fault: string, frame: Uint8Array, world: typeof fresh]> = [
    ["a head signed by another feed", withHead(headOf(feedB, blocks)), fresh],
    ["a head over another length", withHead([4, head[1]!, head[2]!]), fresh],
    ["a head over other blocks", withHead(headOf(feedA, forkedOfA)), fresh],
    ["a false proof", withHead(head, [new Uint8Array(32)]), fresh],
    ["a gap", runOf(formOfLaterA), fresh],
    ["another block than is stored", runOf({ ...part, blocks: forkedOfA }), grown],
    ["a feed that nobody admitted", runOf({ ...part, blocks, feed: { ...feedA, publicKey: bob.publicKey } }), fresh],
    ["a run without blocks", runOf({ ...part, blocks: [] }), fresh],
    ["a block beyond its limit", runOf({ ...part, blocks: [envelope(new Uint8Array(262_400))] }), fresh],
    ["a manifest of no member", make([5, manifestOf(manifestForm(feedC, feedA, 1))]), fresh],
    [
      "a manifest of another space",
      make([5, manifestOf({ ...manifest, content: [0, feedC.publicKey, ...manifest.content.slice(2)] })]),
      fresh
    ],
    ["a manifest of another version", make([5, manifestOf({ ...manifest, content: [1, ...manifest.content.slice(1)] })]), fresh],
    ["a manifest signed by one key", make([5, manifestOf({ ...manifest, device: bob })]), fresh],
    ["a fork of one head", make([11, forkOf(feedA, 2, branches[0], branches[0])]), grown],
    ["a fork at another index", make([11, forkOf(feedA, 1, ...branches)]), grown],
    ["a fork beyond its heads", make([11, forkOf(feedA, 3, ...branches)]), grown],
    ["a fork signed by another", make([11, [feedA.publicKey, ...forkOf(feedB, 2, ...branches).slice(1)]]), grown]
  ]
  for (const [fault, frame, world] of faults) {
    it(`refuses ${fault}`, () => {
      assert.isFalse(judge(frame, world).accepts)
      assert.isFalse(Device.taking(frames[world === fresh ? "fresh" : "grown"]).offer(frame).accepted)
    })
  }

  it("finds every byte of a store that nobody has signed", () => {
    const entries = Device.taking(frames.grown).dump()
    const local = new Set<string>()
    let found = 0
    for (const [i, { key, value }] of entries.entries()) {
      if (key[0] !== 3 || (key[33] === 1 && key.length !== 74)) continue
      for (let at = 0; at < value.length; at++) {
        const changed = value.slice()
        changed[at]! ^= 1
        try {
          audit(
            entries.map((entry, j) => (j === i ? { key, value: changed } : entry)),
            space,
            devices
          )
          local.add(`${key[33]} ${at}`)
        } catch {
          found++
        }
      }
    }
    // what a device notes for itself: places in the order of arrival, its counter, its start, whether a feed is closed
    assert.isAtMost(local.size, 12, [...local].join(", "))
    assert.isAbove(found, 1_500)
    assert.throws(() =>
      audit(
        entries.filter(({ key }) => key[33] !== 1),
        space,
        devices
      )
    )
    assert.throws(() =>
      audit(
        entries.filter(({ key }) => key[33] !== 0),
        space,
        devices
      )
    )
  })

  it("knows messages and tickets by their shape", () => {
    const some = feedA.publicKey
    const faults: ReadonlyArray<Made> = [
      [12, 1],
      [6, []],
      [0, some, some],
      [0, some, some, some, 1],
      [1, 1, some, some, 0, []],
      [1, 0, new Uint8Array(32).fill(2), new Uint8Array(32).fill(1), 0, []],
      [1, 0, some, some, 2, [[some, 1]]],
      [
        1,
        0,
        some,
        some,
        2,
        [
          [some, 1],
          [some, 2]
        ]
      ],
      [1, 0, new Uint8Array(32), new Uint8Array(32), 1, [[some, 1]]],
      [2, []],
      [2, [[some, -1]]],
      [3, []],
      [3, [[some, 2, 1]]],
      [10, "x".repeat(65), null],
      [10, "x"],
      [5, new Uint8Array(1_025)]
    ]
    const device = Device.taking(frames.fresh)
    for (const fault of faults) {
      assert.isNull(readMessage(make(fault)), JSON.stringify(fault))
      assert.isFalse(device.offer(make(fault)).accepted)
    }
    const members = (...keys: ReadonlyArray<Uint8Array>) => make([0, new Uint8Array(16), keys])
    const checkOf = (genesis: Uint8Array) => idOf("echo/genesis", genesis).slice(0, 4)
    const ticketOf = (genesis: Uint8Array, urls: Made = [], check = checkOf(genesis)) =>
      Buffer.from(make([0, genesis, urls, check])).toString("base64url")
    const small = Uint8Array.of(1, ...new Uint8Array(31))
    const tickets = [
      ticketOf(members()),
      ticketOf(members(...[...devices].reverse())),
      ticketOf(members(devices[0]!, devices[0]!)),
      ticketOf(members(small)),
      ticketOf(members(...devices), ["x".repeat(2_049)]),
      ticketOf(members(...devices), Array(17).fill("x")),
      ticketOf(members(...devices), [], checkOf(members(devices[0]!))),
      ticketOf(members(...devices), [], idOf("echo/genesis", members(...devices)).slice(0, 5)),
      Buffer.from(make([0, members(...devices), []])).toString("base64url"),
      `${ticket}=`,
      `${ticket.slice(0, 40)} ${ticket.slice(40)}`,
      ticket.replace(/-|_/, "+"),
      ""
    ]
    for (const text of tickets) {
      assert.isNull(readTicket(text), text)
      assert.isFalse(offerTicket(text).accepted, text)
    }
    assert.deepStrictEqual(readTicket(` ${ticket}\n`), space)
    assert.isTrue(offerTicket(` ${ticket}\n`).accepted)
  })
})
