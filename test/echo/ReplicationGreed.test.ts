/**
 * What one member can do to the replication of others by lying and by sending too much: nothing that lasts.
 */
import { assert, describe, it } from "@effect/vitest"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { rangeHash } from "../../src/schema/echo/RangeSync.ts"
import type { Message } from "../../src/schema/echo/ReplicationMessage.ts"
import { firstKey, lastKey } from "../../src/schema/platform/RangeSet.ts"
import { alone, bytesOf, Hand, isWantOf, itemOf, own, runOf, tags } from "./ReplicationHand.ts"
import { Device, type End, hash, keyOf, localOf, Network } from "./ReplicationNetwork.ts"

/** A device that has three blocks of a feed whose author is away, and hands that say to have more of it. */
const withHands = (count: number) => {
  const network = new Network(1, 20)
  const [x] = network.devices as [Device]
  const feed = x.admit(keyOf("of who is away"), keyOf("away"))
  x.append(feed, bytesOf(10), bytesOf(10), bytesOf(10))
  const peers = Array.from({ length: count }, (_, i) => new Device(`hand ${i}`))
  const feeds = peers.map((peer) => {
    const its = x.admit(own(peer).feed, peer.key)
    x.append(its, bytesOf(10))
    return its
  })
  const hands = peers.map((peer) => new Hand(network, x, peer))
  const has = (hand: Hand, length: number) => hand.say({ _tag: "Have", feeds: [itemOf(feed.feed, length)] })
  return { feed, feeds, hands, has, network, x }
}

describe("Replication: one that says to have a feed and brings nothing of it", () => {
  for (const chatter of ["duplicates", "new blocks of another feed"]) {
    it(`[R9] is not waited for longer than 2 s, though ${chatter} come from it`, () => {
      const { feed, feeds, hands, has, network } = withHands(2)
      const [liar, honest] = hands as [Hand, Hand]
      const its = feeds[0]!
      assert.isTrue(has(liar, Number.MAX_SAFE_INTEGER).some((message) => isWantOf(message, feed.feed)))
      has(honest, 10)
      const chat = () => void liar.say(runOf(its.feed, chatter === "duplicates" ? 0 : its.blocks.length, [bytesOf(10)]))
      assert.strictEqual(honest.askedFor(feed.feed, 100_000, chat), 2_000)
      // who was to bring it is told to leave it
      honest.say(
        runOf(
          feed.feed,
          3,
          Array.from({ length: 7 }, () => bytesOf(10))
        )
      )
      assert.strictEqual(feed.blocks.length, 10)
      assert.isBelow(network.now, 3_000)
    })
  }

  it("[R9] is told that it need not send it any more, and asked again later, ever more rarely", () => {
    const { feed, hands, has, network } = withHands(2)
    const [liar, other] = hands as [Hand, Hand]
    has(liar, 1_000)
    has(other, 2_000)
    const asked: Array<readonly [string, number]> = []
    while (network.now < 60_000) {
      network.now += 100
      for (const [name, hand] of [["liar", liar] as const, ["other", other] as const]) {
        const said = network.now % 10_000 === 0 ? has(hand, name === "liar" ? 1_000 : 2_000) : hand.say()
        if (said.some((message) => isWantOf(message, feed.feed))) asked.push([name, network.now])
        if (asked.length === 1 && name === "liar" && asked[0]![0] === "other" && network.now === asked[0]![1] + 100)
          assert.deepInclude(said, { _tag: "Want", feeds: [{ feed: feed.feed, from: 3, to: 3 }] })
      }
    }
    assert.deepStrictEqual(
      asked.map(([name]) => name),
      ["other", "liar", "other", "liar", "other", "liar", "other"]
    )
    const pauses = asked.map(([, at], i) => at - (i === 0 ? 0 : asked[i - 1]![1]))
    assert.deepStrictEqual(pauses, [2_000, 4_000, 4_000, 8_000, 8_000, 16_000, 16_000])
  })

  it("[R9] but slowly what it said to have is not given up, and is believed again once it has brought something", () => {
    const { feed, hands, has, network } = withHands(2)
    const [slow, liar] = hands as [Hand, Hand]
    has(slow, 40)
    has(liar, Number.MAX_SAFE_INTEGER)
    // a block in 3 s, whatever it is asked meanwhile
    for (let i = 1; network.now < 600_000 && feed.blocks.length < 40; network.now += 100, i++) {
      slow.say(...(i % 30 === 0 ? [runOf(feed.feed, feed.blocks.length, [bytesOf(10)])] : []))
      if (i % 100 === 0) has(liar, Number.MAX_SAFE_INTEGER)
      else liar.say()
    }
    assert.strictEqual(feed.blocks.length, 40)
    assert.isAtMost(liar.end.other.said.length, 0)
    assert.isAtMost(liar.end.said.filter(([kind]) => kind === "Want").length, 20, "a liar is asked ever more rarely")
  })

  it("[R9] cannot keep others from being asked by connecting again and again", () => {
    const { feed, hands, has, network, x } = withHands(2)
    const [liar, honest] = hands as [Hand, Hand]
    has(liar, 1_000)
    has(honest, 10)
    let again: Hand | null = liar
    const reconnect = () => {
      if (network.now % 500 === 400 && again !== null) {
        network.disconnect(again.end)
        again = null
      } else if (network.now % 500 === 0 && again === null) {
        again = new Hand(network, x, liar.end.other.device)
        has(again, 1_000)
      }
    }
    assert.strictEqual(honest.askedFor(feed.feed, 100_000, reconnect), 500)
  })

  it("[R13] leaves nothing behind in what the connections share when it goes", () => {
    const { hands, network, x } = withHands(1)
    for (let i = 0; i < 5; i++) {
      const hand = i === 0 ? hands[0]! : new Hand(network, x, new Device("hand 0"))
      hand.say({ _tag: "Have", feeds: Array.from({ length: 1_000 }, (_, n) => itemOf(keyOf(`${i} ${n}`), 1)) })
      assert.strictEqual(x.sources.size, 1_000)
      network.disconnect(hand.end)
      assert.strictEqual(x.sources.size, 0)
    }
  })
})

/** How many bytes of blocks an end was sent again, or that came another way before. */
const duplicates = (ends: ReadonlyArray<End>): number => {
  const sent = ends.flatMap((end) => end.blocksSent.map((name) => `${end.other.device.text} ${name}`))
  return (sent.length - new Set(sent).size) * blockBytes
}
const blockBytes = 4_000

describe("Replication: one that sends what is here already", () => {
  it("[R13] is cut off after 8 MiB of duplicates, at whatever pace above 1 KB a second", () => {
    for (const pause of [1, 1_000, 10_000]) {
      const { feeds, hands, network } = withHands(1)
      const [greedy] = hands as [Hand]
      let bytes = 0
      while (greedy.end.closed === null && bytes < 100_000_000) {
        network.now += pause
        greedy.say(runOf(feeds[0]!.feed, 0, [bytesOf(200_000)]))
        bytes += 200_000
      }
      assert.isAtMost(bytes, 9_200_000)
    }
  })

  it("[R13] cannot make up for 8 MiB of them with a few new bytes", () => {
    const { feeds, hands } = withHands(1)
    const [greedy] = hands as [Hand]
    const its = feeds[0]!
    let bytes = 0
    for (; greedy.end.closed === null && bytes < 100_000_000; bytes += 200_000) {
      greedy.say(runOf(its.feed, its.blocks.length, [bytesOf(10)]), runOf(its.feed, 0, [bytesOf(10), bytesOf(200_000)]))
    }
    assert.isAtMost(bytes, 9_000_000)
  })

  it("[R13] may send once what came another way since they connected, and what is new makes up for what was not", () => {
    const { a, b, end, hear, say } = alone(4)
    const feed = [...a.feeds.values()].find((each) => each.author === b.text)!
    const big = bytesOf(1_000)
    const arrive = (from: number, added: number) => {
      assert.deepStrictEqual(tags(hear(runOf(feed.feed, from, [big]))).actions, ["Ingest"])
      say({ _tag: "Ingested", feed: feed.text, end: from + 1, added, refusal: null })
    }
    say({ _tag: "Grew", feed: { ...localOf(feed), length: 3 } })
    arrive(2, 0)
    assert.strictEqual(end.state.wasted, 0)
    arrive(2, 0)
    arrive(1, 0)
    assert.strictEqual(end.state.wasted, 2 * 1_256)
    arrive(3, 1)
    assert.strictEqual(end.state.wasted, 1_256)
  })

  it("[R12] [R13] may prove once of each feed that it forked, and is charged when it goes on", () => {
    const { a, end, hear, say } = alone(4)
    for (const feed of a.feeds.values()) {
      const proof: Message = { _tag: "Fork", feed: feed.feed, index: 2, proof: new Uint8Array(1_000) }
      const before = end.state.wasted
      hear(proof)
      say({ _tag: "ForkKept", feed: feed.text, refusal: null })
      assert.strictEqual(end.state.wasted, before)
      hear(proof)
      assert.strictEqual(end.state.wasted, before + 5_096)
    }
  })

  it("[R13] is charged nothing when it is honest: several bring the same feeds at once, in 10 seeds", () => {
    let crossed = 0
    for (let seed = 0; seed < 10; seed++) {
      const network = new Network(4, 700 + seed)
      const { devices } = network
      const author = devices[0]!
      devices.forEach((x, i) => {
        for (const y of devices.slice(i + 1)) network.connect(x, y)
      })
      const feeds = [own(author, "0"), own(author, "1")]
      network.settle(5_000)
      const ends = [...network.ends]
      // wires from the author are slow, so that the others often bring what it sends too
      const slow = (end: End) => end.other.device === author && network.random() < 0.9
      for (let i = 0; i < 2_000; i++) {
        if (i % 5 === 0) author.append(network.pick(feeds), bytesOf(blockBytes))
        if (i % 100 === 0) network.now += Math.floor(network.random() * 3_000)
        const end = network.pick(ends)
        if (!slow(end)) end.receive()
        end.write()
        if (end.closed !== null) assert.fail(`seed ${seed}: ${end.closed}`)
        assert.strictEqual(end.state.wasted, 0, `seed ${seed}`)
      }
      network.settle(network.now + 60_000)
      for (const device of devices) assert.deepStrictEqual(network.lengths(device), network.lengths(author))
      crossed += duplicates(ends)
    }
    assert.isAtLeast(crossed, 10 * 100_000, "many duplicates, all of them crossings")
  })
})

const numbered = (n: number) => new Uint8Array(new Uint32Array([n, 0, 0, 0, 0, 0, 0, 0]).buffer)

describe("Replication: one that names very many feeds", () => {
  it("[R13] is cut off when it goes on, and 10,000 of those that are not admitted are kept", () => {
    const { end, hear, speak } = alone(2)
    let pages = 0
    for (; pages < 100 && end.state.closing === null; pages++) {
      hear({ _tag: "Have", feeds: Array.from({ length: 4_096 }, (_, i) => itemOf(numbered(pages * 4_096 + i), 1)) })
    }
    assert.deepStrictEqual(tags(speak()).actions, ["Close"])
    assert.isAtMost(pages, 36)
    assert.isAtMost(end.state.links.size, 10_010)
  })

  it("[R13] and shows their manifests is none the worse for it, however many there are", () => {
    const { a, end, hear, say } = alone(2)
    for (let i = 0; i < 25_000; i++) {
      const feed = keyOf(`admitted ${i}`)
      hear({ _tag: "Have", feeds: [itemOf(feed, 0)] })
      say({ _tag: "Grew", feed: { ...itemOf(feed, 0), text: feedText(feed), author: a.text } })
    }
    assert.isNull(end.state.closing)
    assert.deepStrictEqual([end.state.strangers, end.state.wasted], [0, 0])
  })

  it("[R5] [R13] and has them all is told of no more at once than it can take, and nobody is charged", () => {
    const network = new Network(2, 30)
    const [a, b] = network.devices as [Device, Device]
    for (let i = 0; i < 5_000; i++) own(a, `${i}`)
    const [, end] = network.connect(a, b)
    end.state.strangers = 5_800
    network.settle(10_000)
    assert.strictEqual(b.feeds.size, 5_000)
    assert.deepStrictEqual([end.state.strangers, end.state.wasted], [5_800, 0])
  })

  it("[R9] [R13] what was beyond the bound is named again when there is room", () => {
    const network = new Network(2, 31)
    const [a, b] = network.devices as [Device, Device]
    for (let i = 0; i < 50; i++) own(a, `${i}`)
    const [, end] = network.connect(a, b)
    // as though as many strangers were here as may be
    end.state.strangers = 9_990
    for (let i = 0; i < 40; i++) {
      end.receive()
      end.other.write()
      end.write()
      end.other.receive()
    }
    assert.isBelow(b.feeds.size, 50)
    end.state.strangers = 0
    network.settle(network.now + 40_000)
    assert.strictEqual(b.feeds.size, 50)
  })
})

describe("Replication: one that compares and sums up without end", () => {
  it("[R13] is cut off at the seventeenth Summary at once, and not at one a second", () => {
    const summary = (n: number): Message => ({
      _tag: "Summary",
      stored: keyOf(`stored ${n}`),
      frontier: keyOf("frontier"),
      ops: rangeHash([], hash)
    })
    const slow = alone(200)
    for (let i = 0; i < 100; i++) slow.hear(summary(i), i * 1_000)
    assert.isNull(slow.end.state.closing)
    const { end, hear } = alone(200)
    for (let i = 0; i < 16; i++) hear(summary(i))
    assert.isNull(end.state.closing)
    hear(summary(16))
    assert.strictEqual(end.state.closing, "it sums up without end")
  })

  it("[R13] pays for the feeds that it makes us hash", () => {
    const asked = (feeds: number) => {
      const { end, hear } = alone(feeds)
      const range = { _tag: "Range", from: firstKey, to: lastKey, count: 1, content: keyOf("another") } as const
      let count = 0
      while (end.state.closing === null) {
        hear(range)
        count++
      }
      return count
    }
    assert.strictEqual(asked(255), 4_097)
    assert.strictEqual(asked(2_560), 373)
  })
})
