/**
 * What one member can do to the replication of others by lying and by sending too much: nothing that lasts.
 */
import { assert, describe, it } from "@effect/vitest"
import { bytesOf, Hand, isWantOf, own, runOf } from "./ReplicationHand.ts"
import { Device, keyOf, Network } from "./ReplicationNetwork.ts"

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
  const has = (hand: Hand, length: number) => hand.say({ _tag: "Have", feeds: [{ feed: feed.feed, length }] })
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
      hand.say({ _tag: "Have", feeds: Array.from({ length: 1_000 }, (_, n) => ({ feed: keyOf(`${i} ${n}`), length: 1 })) })
      assert.strictEqual(x.sources.size, 1_000)
      network.disconnect(hand.end)
      assert.strictEqual(x.sources.size, 0)
    }
  })
})
