/**
 * Forks between replication machines: whoever has another feed under the same key is found, and who lacks a proof is given it.
 */
import { assert, describe, it } from "@effect/vitest"
import { freezeOf, type Output } from "../../src/schema/echo/ReplicationState.ts"
import { alone, bytesOf, itemOf, runOf, tags } from "./ReplicationHand.ts"
import { type Device, type End, keyOf, localOf, Network, proofOf } from "./ReplicationNetwork.ts"

const feed = keyOf("forked")
const author = keyOf("author")
const trunk = Array.from({ length: 5 }, () => bytesOf(50, 0))
const branch = (n: number, length: number) => Array.from({ length }, () => bytesOf(50, n))

/** Devices in a line, each connected to the next, that hold these blocks of the feed. */
const line = (seed: number, ...held: ReadonlyArray<ReadonlyArray<Uint8Array> | null>) => {
  const network = new Network(held.length, seed)
  held.forEach((blocks, i) => {
    const device = network.devices[i]!
    if (blocks !== null) device.append(device.admit(feed, author), ...blocks)
  })
  return network
}

const connect = (network: Network) => network.devices.slice(1).map((device, i) => network.connect(network.devices[i]!, device))
const of = (device: Device) => [...device.feeds.values()][0]!
const freezes = (network: Network) => network.devices.map((device) => of(device).frozenAt)
const count = (ends: ReadonlyArray<End>, kind: string) =>
  ends.reduce((sum, { said }) => sum + said.filter(([each]) => each === kind).length, 0)

/** Nobody says more than that nothing has changed. */
const isSettled = (network: Network) => {
  const before = network.ends.map((end) => end.said.length)
  network.settle(network.now + 600_000)
  for (const [i, end] of network.ends.entries()) {
    const kinds = end.said.slice(before[i]).map(([kind]) => kind)
    assert.deepStrictEqual(
      [...new Set(kinds)].filter((kind) => kind !== "Summary"),
      []
    )
  }
}

describe("Replication: forks", () => {
  for (const far of [1, 2, 3, 20]) {
    it(`[R12] of equal length are noticed, ${far} blocks behind the trunk, though nothing else differs`, () => {
      for (let seed = 0; seed < 20; seed++) {
        const network = line(seed, [...trunk, ...branch(1, far)], [...trunk, ...branch(2, far)], trunk)
        connect(network)
        network.settle(60_000)
        assert.deepStrictEqual(freezes(network), [5, 5, 5])
        isSettled(network)
      }
    })
  }

  it("[R12] of equal length are noticed when both copies write on while they are connected", () => {
    const network = line(3, trunk, trunk)
    connect(network)
    network.settle(10_000)
    network.devices.forEach((device, i) => {
      device.append(of(device), ...branch(i + 1, 1))
    })
    network.settle(60_000)
    assert.deepStrictEqual(freezes(network), [5, 5])
    isSettled(network)
  })

  for (const index of [0, 3, 5, 9]) {
    it(`[R12] that froze a feed of 5 blocks at ${index} are told to who holds no more than that, or nothing at all`, () => {
      for (let seed = 0; seed < 20; seed++) {
        const network = line(seed, trunk, trunk.slice(0, index), null)
        network.devices[0]!.freeze(of(network.devices[0]!), index)
        connect(network)
        network.settle(60_000)
        assert.deepStrictEqual(freezes(network), [index, index, index])
        assert.isAtMost(count(network.ends, "Fork"), 4)
        isSettled(network)
      }
    })
  }

  it("[R12] that froze a feed at two places end at the lower one everywhere, whichever is told first", () => {
    for (let seed = 0; seed < 50; seed++) {
      const network = line(seed, trunk, trunk.slice(0, 3), trunk.slice(0, 3))
      network.devices.forEach((device, i) => {
        if (i !== 1) device.freeze(of(device), [4, 0, 3][i]!)
      })
      connect(network)
      network.settle(60_000)
      assert.deepStrictEqual(freezes(network), [3, 3, 3])
      isSettled(network)
    }
  })

  it("[R12] [R13] are told again to who goes on without them, ever more rarely", () => {
    const { a, hear, say, speak } = alone(4)
    const mine = [...a.feeds.values()][0]!
    a.freeze(mine, 1)
    let proofs = 0
    for (let now = 0; now < 3_600_000; now += 1_000) {
      hear({ _tag: "Have", feeds: [itemOf(mine.feed, 2)] }, now)
      if (!tags(speak(now)).actions.includes("LoadFork")) continue
      const { messages } = say({ _tag: "ForkLoaded", feed: mine.text, proof: proofOf(mine.feed, 1) }, now)
      assert.deepStrictEqual(tags({ messages, actions: [] }).messages, ["Fork"])
      proofs++
    }
    assert.isAtLeast(proofs, 4)
    assert.isAtMost(proofs, 64)
    assert.strictEqual(freezeOf(localOf(mine)), 1)
  })

  it("[R13] that are only claimed cost a search, which ends, and again after half a minute, ever more rarely", () => {
    const { a, b, end, hear, speak } = alone(4)
    const [its] = [...a.feeds.values()].filter((each) => each.author === b.text)
    let searches = 0
    for (let now = 0; now < 3_600_000; now += 1_000) {
      hear({ _tag: "Have", feeds: [{ feed: its!.feed, length: 2, mark: new Uint8Array(16).fill(9) }] }, now)
      const wants = speak(now).messages.flatMap((each) => (each._tag === "Want" ? each.feeds : []))
      searches += wants.filter(({ to }) => to !== null).length
    }
    assert.isAtLeast(searches, 1)
    assert.isAtMost(searches, 20)
    assert.isNull(end.state.closing)
  })
})

describe("Replication: what one bit has changed", () => {
  it("[R5] a length that was not heard aright is put right by the next word, and what was held back is sent", () => {
    const { a, end, hear, say, speak } = alone(4)
    const mine = [...a.feeds.values()].find((each) => each.author === a.text)!
    speak()
    hear({ _tag: "Have", feeds: [itemOf(mine.feed, 2 + 4_096)] })
    a.append(mine, bytesOf(10))
    say({ _tag: "Grew", feed: localOf(mine) })
    assert.notInclude(tags(speak()).actions, "Load")
    hear({ _tag: "Have", feeds: [itemOf(mine.feed, 2)] })
    assert.strictEqual(end.state.acknowledged(mine.text), 2)
    assert.include(tags(speak()).actions, "Load")
  })

  for (const reason of ["bad-signature", "bad-proof", "malformed", "manifest"]) {
    it(`[R9] a feed that was refused as ${reason} is asked for again after 30 s, and twice as late each time up to an hour`, () => {
      const { b, hear, say, speak } = alone(4)
      const its = [...b.feeds.values()].find((each) => each.author === b.text)!
      hear({ _tag: "Have", feeds: [itemOf(its.feed, 9)] }, 0)
      const pauses: Array<number> = []
      let since = 0
      for (let now = 0; pauses.length < 10; now += 1_000) {
        // it is asked of who stays, as long as something is heard
        hear({ _tag: "Have", feeds: [itemOf(its.feed, 9)] }, now)
        const { messages } = speak(now)
        if (!messages.some((each) => each._tag === "Want" && each.feeds.some(({ to }) => to === null))) continue
        if (since > 0) assert.deepInclude(messages, { _tag: "Refuse", reason, feed: its.feed })
        pauses.push((now - since) / 1_000)
        since = now
        if (reason === "manifest") say({ _tag: "Admitted", feed: its.text, isRefused: true }, now)
        else say({ _tag: "Ingested", feed: its.text, end: 3, added: 0, refusal: reason }, now)
      }
      assert.deepStrictEqual(pauses, [0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600])
    })
  }

  it("[R12] that were heard of by a damaged word are searched for once, and not after each pause", () => {
    const { b, hear, say, speak } = alone(4)
    const its = [...b.feeds.values()].find((each) => each.author === b.text)!
    const wants = (now: number) => speak(now).messages.filter((each) => each._tag === "Want").length
    hear({ _tag: "Have", feeds: [{ feed: its.feed, length: 2, mark: new Uint8Array(16).fill(5) }] })
    assert.strictEqual(wants(0), 1)
    hear(runOf(its.feed, 1, [bytesOf(30)]))
    const { actions } = say({ _tag: "Ingested", feed: its.text, end: 2, added: 0, refusal: null })
    assert.deepInclude(actions, { _tag: "Refused", feed: its.text, reason: "forked" })
    assert.strictEqual(wants(1_000), 0)
    assert.deepInclude(speak(31_000).actions, { _tag: "Refused", feed: its.text, reason: null })
    for (let now = 31_000; now < 300_000; now += 1_000) assert.strictEqual(wants(now), 0)
  })

  it("[R11] a refusal is taken back after its pause when another has brought what was refused", () => {
    const { b, hear, say, speak } = alone(4)
    const its = [...b.feeds.values()].find((each) => each.author === b.text)!
    const refusedOf = ({ actions }: Output) => actions.flatMap((each) => (each._tag === "Refused" ? [each.reason] : []))
    hear({ _tag: "Have", feeds: [itemOf(its.feed, 9)] })
    speak()
    assert.deepStrictEqual(refusedOf(say({ _tag: "Ingested", feed: its.text, end: 3, added: 0, refusal: "bad-proof" })), [
      "bad-proof"
    ])
    say({ _tag: "Grew", feed: { feed: its.feed, text: its.text, author: its.author, length: 9, mark: itemOf(its.feed, 9).mark } })
    assert.deepStrictEqual(refusedOf(speak(29_000)), [])
    assert.deepStrictEqual(refusedOf(speak(31_000)), [null])
  })
})
