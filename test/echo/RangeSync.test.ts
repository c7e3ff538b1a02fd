/**
 * Comparing sets by ranges, and the messages that carry it: the same result from any two sets, and no frame that is read loosely.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { encodeFrontier, frontierHash } from "../../src/schema/echo/Frontier.ts"
import { FeedSet, rangeHash, splitRange } from "../../src/schema/echo/RangeSync.ts"
import { decodeMessage, encodeMessage, type Message, markOf, type Range } from "../../src/schema/echo/ReplicationMessage.ts"
import { compareBytes, decode, encode, equalBytes, Malformed } from "../../src/schema/platform/Codec.ts"
import { firstKey, lastKey } from "../../src/schema/platform/RangeSet.ts"
import { hash, keyOf, randomOf } from "./ReplicationNetwork.ts"

const item = (name: string, length: number) => {
  const feed = keyOf(name)
  return { feed, text: feedText(feed), length, mark: markOf(keyOf(`${name} ${length}`)) }
}

type Items = FeedSet<ReturnType<typeof item>>

const setOf = (names: ReadonlyArray<readonly [string, number]>): Items => {
  const set: Items = new FeedSet(hash)
  for (const [name, length] of names) set.put(item(name, length))
  return set
}

/** Lets two sets compare as two devices do; answers what each was listed, and how many ranges were said. */
const compared = (a: Items, b: Items) => {
  const listed = [new Map<string, number>(), new Map<string, number>()] as const
  const queue: Array<readonly [0 | 1, Range]> = splitRange(a, firstKey, lastKey).map((range) => [1, range])
  let said = 0
  while (queue.length > 0) {
    const [to, range] = queue.shift()!
    said++
    const set = to === 0 ? a : b
    if (!(range.content instanceof Uint8Array)) {
      for (const { feed, length } of range.content) listed[to].set(feedText(feed), length)
      const there = new Set(range.content.map(({ feed }) => feedText(feed)))
      // what the other does not list there it is told
      for (const own of set.between(range.from, range.to))
        if (!there.has(own.text)) listed[to === 0 ? 1 : 0].set(own.text, own.length)
    } else if (!set.isSameRange(range)) {
      for (const part of splitRange(set, range.from, range.to)) queue.push([to === 0 ? 1 : 0, part])
    }
  }
  return { listed, said }
}

describe("RangeSync", () => {
  it("the hash of a range is that of its items under the label echo/range", () => {
    const items = [item("a", 3), { ...item("b", 70_000), mark: 70_001 }]
    const bytes = encode(items.map(({ feed, length, mark }) => [feed, length, mark]))
    assert.deepStrictEqual(rangeHash(items, hash), hash(Uint8Array.of(...new TextEncoder().encode("echo/range/v0\0"), ...bytes)))
  })

  it("a set is the same in whichever order feeds came and grew, and however often it was asked between", () => {
    for (let seed = 0; seed < 50; seed++) {
      const random = randomOf(seed)
      const set: Items = new FeedSet(hash)
      const lengths = new Map<string, number>()
      for (let i = 0; i < 100; i++) {
        const name = `${Math.floor(random() * 40)}`
        lengths.set(name, i)
        set.put(item(name, i))
        if (random() < 0.7) continue
        const items = [...lengths].map(([each, length]) => item(each, length)).sort((a, b) => compareBytes(a.feed, b.feed))
        assert.deepStrictEqual(set.summary(), rangeHash(items, hash))
        assert.deepStrictEqual(set.between(firstKey, lastKey), items)
        assert.strictEqual(set.size, lengths.size)
      }
    }
  })

  it("[R2] a split lies side by side from the first key to the last, and holds every feed once", () => {
    const set = setOf(Array.from({ length: 1_000 }, (_, i) => [`${i}`, i]))
    const parts = splitRange(set, firstKey, lastKey)
    assert.strictEqual(parts.length, 16)
    assert.deepStrictEqual(parts[0]!.from, firstKey)
    assert.deepStrictEqual(parts[15]!.to, lastKey)
    assert.strictEqual(
      parts.reduce((sum, part) => sum + part.count, 0),
      1_000
    )
    parts.slice(1).forEach((part, i) => {
      const gap = BigInt(`0x${Buffer.from(part.from).toString("hex")}`) - BigInt(`0x${Buffer.from(parts[i]!.to).toString("hex")}`)
      assert.strictEqual(gap, 1n)
    })
  })

  it("[R2] any two sets find every difference, in 300 seeds", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = randomOf(seed)
      const size = Math.floor(random() ** 3 * 600)
      const here: Array<readonly [string, number]> = []
      const there: Array<readonly [string, number]> = []
      for (let i = 0; i < size; i++) {
        const dice = random()
        if (dice > 0.02) here.push([`${i}`, 5])
        if (dice < 0.98) there.push([`${i}`, dice > 0.5 && dice < 0.52 ? 6 : 5])
      }
      const [a, b] = [setOf(here), setOf(there)]
      const { listed } = compared(a, b)
      for (const { text, length } of b.values())
        if (a.get(text)?.length !== length) {
          // b's side was listed to a, or a's to b, who then knows that it has more
          assert.isTrue(listed[0].get(text) === length || listed[1].get(text) === a.get(text)?.length, `seed ${seed}`)
        }
      for (const { text, length } of a.values())
        if (b.get(text) === undefined) assert.strictEqual(listed[1].get(text), length, `seed ${seed}`)
    }
  })

  it("[R2] one difference among 10,000 feeds takes some 50 ranges", () => {
    const names = Array.from({ length: 10_000 }, (_, i) => [`${i}`, 1] as const)
    const { said } = compared(setOf(names), setOf(names.map(([name]) => [name, name === "77" ? 2 : 1])))
    assert.isAtMost(said, 16 * 3 + 1)
  })
})

describe("Frontier", () => {
  it("is sorted, and hashed under the label echo/frontier", () => {
    const [a, b] = [keyOf("a"), keyOf("b")].sort(compareBytes) as [Uint8Array, Uint8Array]
    const frontier = {
      controlHeads: [b, a],
      floors: [[b, 2]],
      applied: [
        [b, 9],
        [a, 4]
      ]
    } as const
    const bytes = encodeFrontier(frontier)
    assert.deepStrictEqual(Result.getOrThrow(decode(bytes)), [
      [a, b],
      [],
      [[b, 2]],
      [
        [a, 4],
        [b, 9]
      ]
    ])
    const labelled = Uint8Array.of(...new TextEncoder().encode("echo/frontier/v0\0"), ...bytes)
    assert.deepStrictEqual(frontierHash(frontier, hash), hash(labelled))
  })
})

const head = { length: 3, root: keyOf("root"), signature: new Uint8Array(64).fill(3) }
const forkHead = [3, keyOf("root"), new Uint8Array(64)]
const forkProof = encode([keyOf("f"), forkHead, forkHead, 2, keyOf("x"), [keyOf("p")], keyOf("y"), []])

const corpus: ReadonlyArray<Message> = [
  { _tag: "Summary", stored: keyOf("s"), frontier: keyOf("f"), ops: keyOf("o") },
  { _tag: "Range", from: firstKey, to: lastKey, count: 300, content: keyOf("h") },
  {
    _tag: "Range",
    from: firstKey,
    to: lastKey,
    count: 1,
    content: [{ feed: keyOf("f"), length: 300, mark: markOf(keyOf("m")) }]
  },
  {
    _tag: "Have",
    feeds: [
      { feed: keyOf("f"), length: 70_000, mark: markOf(keyOf("m")) },
      { feed: keyOf("g"), length: 3, mark: 3 }
    ]
  },
  {
    _tag: "Want",
    feeds: [
      { feed: keyOf("f"), from: 2, to: null },
      { feed: keyOf("g"), from: 0, to: 7 }
    ]
  },
  {
    _tag: "Data",
    run: { feed: keyOf("f"), from: 1, blocks: [new Uint8Array(30), new Uint8Array(2)], head, proof: [keyOf("p")] }
  },
  { _tag: "Data", run: { feed: keyOf("f"), from: 2, blocks: [new Uint8Array(30)], head, proof: null } },
  { _tag: "Manifest", manifest: encode([0, keyOf("s"), keyOf("d"), keyOf("f"), 1, new Uint8Array(64), new Uint8Array(64)]) },
  { _tag: "Refuse", reason: "bad-signature", feed: keyOf("f") },
  { _tag: "Refuse", reason: "malformed", feed: null },
  { _tag: "Fork", feed: keyOf("f"), index: 2, proof: forkProof }
]

/** Reads a frame; what is accepted must be written back to the same bytes. Answers whether it was accepted. */
const strictly = (bytes: Uint8Array): boolean => {
  const message = decodeMessage(bytes)
  if (Result.isFailure(message)) {
    assert.instanceOf(message.failure, Malformed)
    return false
  }
  assert.isTrue(equalBytes(encodeMessage(message.success), bytes))
  return true
}

describe("ReplicationMessage", () => {
  it("every message comes back as it was", () => {
    for (const message of corpus) assert.deepStrictEqual(Result.getOrThrow(decodeMessage(encodeMessage(message))), message)
  })

  it("[R10] cut off at any byte, or longer by one, no message is read", () => {
    for (const message of corpus) {
      const bytes = encodeMessage(message)
      for (let length = 0; length < bytes.length; length++) assert.isFalse(strictly(bytes.slice(0, length)))
      assert.isFalse(strictly(Uint8Array.of(...bytes, 0)))
    }
  })

  it("[R10] with any bit flipped, a frame is refused as malformed, or is another message in its one spelling", () => {
    let refused = 0
    for (const message of corpus) {
      const bytes = encodeMessage(message)
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const mutant = bytes.slice()
        mutant[bit >> 3]! ^= 1 << (bit & 7)
        if (!strictly(mutant)) refused++
      }
    }
    assert.isAtLeast(refused, 500)
  })

  const bad: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["a range that ends before it begins", encode([1, 0, lastKey, firstKey, 0, []])],
    ["a set of operations", encode([1, 1, firstKey, lastKey, 0, []])],
    [
      "33 listed feeds",
      encode([1, 0, firstKey, lastKey, 33, Array.from({ length: 33 }, (_, i) => [new Uint8Array(32).fill(i), 1])])
    ],
    ["another count than its items", encode([1, 0, firstKey, lastKey, 2, [[keyOf("f"), 1]]])],
    [
      "a feed listed twice",
      encode([
        1,
        0,
        firstKey,
        lastKey,
        2,
        [
          [keyOf("f"), 1],
          [keyOf("f"), 2]
        ]
      ])
    ],
    ["a feed beyond its range", encode([1, 0, firstKey, firstKey, 1, [[keyOf("f"), 1]]])],
    ["a Have of nothing", encode([2, []])],
    ["a Want of nothing", encode([3, []])],
    ["a Want that ends before it begins", encode([3, [[keyOf("f"), 3, 2]]])],
    ["Data without blocks", encode([4, keyOf("f"), 0, [], [0, keyOf("r"), new Uint8Array(64)], null])],
    ["a head that is not at the end", encode([4, keyOf("f"), 0, [new Uint8Array(1)], [2, keyOf("r"), new Uint8Array(64)], null])],
    ["a manifest of more than 1,024 bytes", encode([5, new Uint8Array(1_025)])],
    ["operations", encode([6, []])],
    ["a base", encode([7, []])],
    ["a wanted chunk", encode([8, keyOf("c")])],
    ["a chunk", encode([9, new Uint8Array(9)])],
    ["an unknown type", encode([12, []])],
    ["a fork proof of another shape", encode([11, [keyOf("f")]])],
    ["a fork proof of more than 16 KiB", encode([11, [keyOf("f"), 0, 0, 0, 0, 0, 0, new Uint8Array(16_384)]])]
  ]
  for (const [name, bytes] of bad) it(`[R10] refuses ${name}`, () => assert.isFalse(strictly(bytes)))
})
