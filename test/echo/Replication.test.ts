/**
 * The replication machine alone: thousands of seeded runs over fake feeds, and each rule of src/schema/echo/Replication.ts by itself.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { decodeMessage, type Message } from "../../src/schema/echo/ReplicationMessage.ts"
import { turnBytesMax, windowBytesMax } from "../../src/schema/platform/Limits.ts"
import { alone, bytesOf, itemOf, own, pairWith, runOf, tags } from "./ReplicationHand.ts"
import { Device, type End, keyOf, localOf, Network } from "./ReplicationNetwork.ts"

const kinds = (end: End): ReadonlyArray<Message["_tag"]> => end.said.map(([kind]) => kind)

/** Everybody has everything, and everybody knows it of everybody they are connected to. */
const converged = (network: Network) => {
  const [first] = network.devices
  for (const device of network.devices) assert.deepStrictEqual(network.lengths(device), network.lengths(first!))
  for (const end of network.ends) {
    for (const [text, length] of network.lengths(end.device)) assert.strictEqual(end.state.acknowledged(text), length, "[R5]")
    assert.strictEqual(end.state.flightBytes, 0)
  }
}

const chaos = (seed: number) => {
  const network = new Network(2 + (seed % 4), seed)
  const { devices } = network
  const pairs = devices.flatMap((a, i) => devices.slice(i + 1).map((b) => [a, b] as const))
  // a ring or a full mesh: always connected in the end
  const wires = seed % 2 === 0 ? pairs : devices.slice(1).map((device, i) => [devices[i]!, device] as const)
  const connected = new Map<string, End>()
  const plug = (i: number) => {
    const known = connected.get(`${i}`)
    if (known !== undefined) {
      network.disconnect(known)
      connected.delete(`${i}`)
    } else connected.set(`${i}`, network.connect(...wires[i]!)[0])
  }
  for (let i = 0; i < 300; i++) {
    const dice = network.random()
    if (dice < 0.03) plug(Math.floor(network.random() * wires.length))
    else if (dice < 0.1) {
      const device = network.pick(devices)
      device.append(own(device, `${Math.floor(network.random() * 3)}`), bytesOf(Math.floor(network.random() * 400) + 1))
    } else if (dice < 0.13) network.now += Math.floor(network.random() * 3_000)
    else network.stir()
    if (i % 10 === 0) network.check()
  }
  wires.forEach((_, i) => {
    if (!connected.has(`${i}`)) plug(i)
  })
  network.settle(network.now + 10_000)
  converged(network)
}

describe("Replication: seeded runs", () => {
  for (let from = 0; from < 2_000; from += 500) {
    it(`[R5] [R9] 2 to 5 devices converge, and know it, in seeds ${from} to ${from + 499}`, () => {
      for (let seed = from; seed < from + 500; seed++) {
        try {
          chaos(seed)
        } catch (error) {
          throw new Error(`seed ${seed}: ${String(error)}`, { cause: error })
        }
      }
    })
  }
})

describe("Replication: comparing", () => {
  it("[R1] equal sets of 200 feeds cost one Summary each, and both know all of the other", () => {
    const { a, b, network } = pairWith(200)
    const ends = network.connect(a, b)
    network.settle(5_000)
    for (const end of ends) assert.deepStrictEqual(kinds(end), ["Summary"])
    converged(network)
  })

  it("[R9] an idle round of two devices with 200 feeds is one Summary of 104 bytes", () => {
    const { a, b, network } = pairWith(200)
    const ends = network.connect(a, b)
    network.settle(10_000)
    const before = ends[0].bytes() + ends[1].bytes()
    network.settle(10_000 + 30_000)
    assert.strictEqual(ends[0].bytes() + ends[1].bytes() - before, 104)
    network.settle(10_000 + 300_000)
    assert.isAtMost(ends[0].said.length + ends[1].said.length, 2 + 10, "one Summary in 30 s, from one of both")
  })

  for (const feeds of [20, 200, 2_000]) {
    it(`[R2] one change among ${feeds} feeds is found when they meet, and nothing else is named`, () => {
      const { a, b, network } = pairWith(feeds)
      const feed = a.feeds.get(own(a, "0").text)!
      a.append(feed, bytesOf(100))
      const ends = network.connect(a, b)
      network.settle(20_000)
      converged(network)
      assert.deepStrictEqual([...ends[0].blocksSent, ...ends[1].blocksSent], [`${feed.text}/2`])
      const bytes = ends[0].bytes() + ends[1].bytes()
      assert.isAtMost(bytes, feeds === 20 ? 1_800 : feeds === 200 ? 3_600 : 6_000)
    })
  }

  it("[R2] feeds that only one side has are found from both sides", () => {
    const { a, b, network } = pairWith(100)
    for (let i = 0; i < 60; i++) a.append(own(a, `a${i}`), bytesOf(10))
    for (let i = 0; i < 60; i++) own(b, `b${i}`)
    network.connect(a, b)
    // before either would compare once more
    network.settle(200)
    assert.deepStrictEqual(network.lengths(a), network.lengths(b))
    network.settle(2_000)
    converged(network)
    assert.strictEqual(a.feeds.size, 220)
  })
})

describe("Replication: sending", () => {
  it("[R3] [R4] an empty device gets each manifest before the feed, and each block once", () => {
    const network = new Network(2, 4)
    const [a, b] = network.devices as [Device, Device]
    for (let i = 0; i < 50; i++) for (let n = 0; n < 5; n++) a.append(own(a, `${i}`), bytesOf(1_000))
    const ends = network.connect(a, b)
    network.settle(20_000)
    converged(network)
    assert.strictEqual(ends[0].blocksSent.length, 250)
    assert.strictEqual(new Set(ends[0].blocksSent).size, 250)
    assert.deepStrictEqual(ends[1].blocksSent, [])
    assert.strictEqual(kinds(ends[0]).filter((kind) => kind === "Manifest").length, 50)
  })

  it("[R4] [R8] what one of four connected devices writes crosses each wire that needs it once", () => {
    const network = new Network(4, 5)
    const { devices } = network
    const [a] = devices as [Device]
    devices.forEach((x, i) => {
      for (const y of devices.slice(i + 1)) network.connect(x, y)
    })
    const feed = own(a)
    network.settle(10_000)
    for (const end of network.ends) end.blocksSent.length = end.said.length = 0
    for (let n = 0; n < 50; n++) {
      a.append(feed, bytesOf(100))
      network.settle(network.now + 5)
    }
    network.settle(network.now + 10_000)
    converged(network)
    assert.strictEqual(network.ends.flatMap((end) => end.blocksSent).length, 150)
    for (const end of network.ends) if (end.device === a) assert.notInclude(kinds(end), "Have")
  })

  it("[R8] who has written nothing of it tells the author at once, and others of all that has grown within two seconds", () => {
    const network = new Network(4, 7)
    const { devices } = network
    const [a] = devices as [Device]
    devices.forEach((x, i) => {
      for (const y of devices.slice(i + 1)) network.connect(x, y)
    })
    const feeds = [own(a, "one"), own(a, "other")]
    network.settle(10_000)
    for (const end of network.ends) end.said.length = 0
    for (let n = 1; n <= 50; n++) {
      a.append(feeds[n % 2]!, bytesOf(100))
      network.settle(network.now + 5)
      const told = network.ends.filter((end) => end.device === a).map((end) => end.state.acknowledged(feeds[n % 2]!.text))
      assert.deepStrictEqual(told, [feeds[n % 2]!.blocks.length, feeds[n % 2]!.blocks.length, feeds[n % 2]!.blocks.length])
    }
    const between = network.ends.filter((end) => end.device !== a && end.other.device !== a)
    assert.deepStrictEqual([...new Set(between.map(kinds))].flat(), [])
    network.settle(network.now + 2_000)
    for (const end of between) assert.deepStrictEqual(kinds(end), ["Have"])
    converged(network)
  })

  it("[R4] an empty device that meets two who have the same gets each block from one of them", () => {
    const { a, b, network } = pairWith(60)
    const c = new Device("c")
    const toC = [network.connect(a, c)[0], network.connect(b, c)[0]]
    network.connect(a, b)
    network.settle(10_000)
    assert.deepStrictEqual(network.lengths(c), network.lengths(a))
    assert.strictEqual(toC.flatMap((end) => end.blocksSent).length, 120)
  })

  it("[R8] a line of three devices passes on what it was asked for, without being asked again", () => {
    const network = new Network(3, 6)
    const [a, b, c] = network.devices as [Device, Device, Device]
    network.connect(a, b)
    const [, far] = network.connect(b, c)
    a.append(own(a), bytesOf(10))
    network.settle(10_000)
    const before = far.said.length
    for (let n = 0; n < 10; n++) {
      a.append(own(a), bytesOf(10))
      network.settle(network.now + 5)
    }
    converged(network)
    assert.deepStrictEqual([...new Set(kinds(far).slice(before))], ["Have"])
  })

  it("[R6] the feed whose next block was stored first has the turn, for 256 KiB at most", () => {
    const network = new Network(2, 7)
    const [a, b] = network.devices as [Device, Device]
    const feeds = Array.from({ length: 6 }, (_, i) => own(a, `${i}`))
    for (let n = 0; n < 400; n++) a.append(network.pick(feeds), bytesOf(1 + Math.floor(network.random() * 40_000)))
    const [end] = network.connect(a, b)
    network.settle(20_000)
    converged(network)
    const order = end.blocksSent.map((name) => {
      const [text, index] = name.split("/") as [string, string]
      const feed = a.feeds.get(text)!
      return { text, arrival: feed.arrivals[Number(index)]!, bytes: feed.blocks[Number(index)]!.length }
    })
    assert.strictEqual(order.length, 400)
    // whatever came before an older block of another feed is at most one turn of its feed
    order.forEach((late, i) => {
      const ahead = new Map<string, number>()
      for (const early of order.slice(0, i)) {
        if (early.arrival > late.arrival) ahead.set(early.text, (ahead.get(early.text) ?? 0) + early.bytes)
      }
      for (const bytes of ahead.values()) assert.isAtMost(bytes, turnBytesMax)
    })
  })

  it("[R7] a device that reads but never acknowledges is sent 2 MiB", () => {
    const network = new Network(2, 8)
    const [a, b] = network.devices as [Device, Device]
    for (let i = 0; i < 8; i++) for (let n = 0; n < 50; n++) a.append(own(a, `${i}`), bytesOf(10_000))
    const [end, other] = network.connect(a, b)
    for (let i = 0; i < 10_000 && other.state.behind.size < 8; i++) {
      for (const each of [end, other]) {
        each.receive()
        each.write()
      }
    }
    other.write()
    const asked = other.inbox.length
    while (end.isReady) end.receive()
    for (let i = 0; i < 1_000; i++) end.write()
    const sent = end.said.reduce((sum, [kind, bytes]) => (kind === "Data" ? sum + bytes : sum), 0)
    assert.isAtLeast(sent, windowBytesMax - turnBytesMax)
    assert.isAtMost(sent, windowBytesMax + turnBytesMax)
    assert.isAtLeast(asked, 0)
  })
})

describe("Replication: what goes wrong", () => {
  it("[R3] Data and manifests of feeds that nobody wanted leave nothing but a Refuse", () => {
    const { hear, end, speak } = alone(4)
    const links = end.state.links.size
    for (let i = 0; i < 50; i++) assert.deepStrictEqual(tags(hear(runOf(keyOf(`stranger ${i}`), 0, [bytesOf(10)]))).actions, [])
    assert.strictEqual(end.state.links.size, links)
    const said = speak().messages.filter((message) => message._tag === "Refuse")
    assert.strictEqual(said.length, 1)
  })

  it("[R4] blocks do not go back where they came from, even while they are being stored", () => {
    const { a, b, hear, say, speak } = alone(4)
    const feed = [...a.feeds.values()].find((each) => each.author === b.text)!
    hear({ _tag: "Want", feeds: [{ feed: feed.feed, from: 2, to: null }] })
    assert.deepStrictEqual(tags(hear(runOf(feed.feed, 2, [bytesOf(10)]))).actions, ["Ingest"])
    say({ _tag: "Grew", feed: { ...localOf(feed), length: 3 } })
    assert.notInclude(tags(speak()).actions, "Load")
    say({ _tag: "Ingested", feed: feed.text, end: 3, added: 1, refusal: null })
    assert.notInclude(tags(speak()).actions, "Load")
    say({ _tag: "Grew", feed: { ...localOf(feed), length: 4 } })
    assert.include(tags(speak()).actions, "Load")
  })

  it("[R9] a gap is refused and asked for again, after 1, 2, 4 and up to 64 seconds", () => {
    const { a, b, hear, speak, network } = alone(4)
    const feed = [...b.feeds.values()].find((each) => each.author === b.text)!
    assert.strictEqual(a.feeds.get(feed.text)!.blocks.length, 2)
    let now = network.now
    const pauses: Array<number> = []
    for (let i = 0; i < 9; i++) {
      hear(runOf(feed.feed, 5, [bytesOf(10)]), now)
      const refused = speak(now).messages.find((message) => message._tag === "Refuse")
      assert.strictEqual(refused?._tag === "Refuse" && refused.reason, "gap")
      const since = now
      let want: Message | undefined
      while (want === undefined) {
        now += 500
        hear({ _tag: "Have", feeds: [itemOf(feed.feed, 6)] }, now)
        want = speak(now).messages.find((message) => message._tag === "Want")
      }
      assert.deepStrictEqual(want._tag === "Want" && want.feeds, [{ feed: feed.feed, from: 2, to: null }])
      pauses.push((now - since) / 1_000)
    }
    assert.deepStrictEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 64, 64])
  })

  it("[R10] what is no message is answered by a Refuse, and the connection ends with the reason", () => {
    const { say, speak } = alone(2)
    say({ _tag: "Garbled", reason: "malformed at byte 3" })
    const { actions, messages } = speak()
    assert.deepStrictEqual(messages, [{ _tag: "Refuse", reason: "malformed", feed: null }])
    assert.deepInclude(actions[0], { _tag: "Close" })
  })

  for (const reason of ["bad-signature", "bad-proof", "too-large", "malformed"]) {
    it(`[R11] a feed refused as ${reason} stops, is shown, and no other stops`, () => {
      const { b, hear, say, speak } = alone(4)
      const [bad, good] = [...b.feeds.values()].filter((feed) => feed.author === b.text)
      hear(runOf(bad!.feed, 2, [bytesOf(9)]))
      const shown = say({ _tag: "Ingested", feed: bad!.text, end: 3, added: 0, refusal: reason }).actions
      assert.deepInclude(shown, { _tag: "Refused", feed: bad!.text, reason })
      assert.deepInclude(speak().messages, { _tag: "Refuse", reason, feed: bad!.feed })
      assert.deepStrictEqual(tags(hear(runOf(bad!.feed, 2, [bytesOf(9)]))).actions, [])
      assert.deepStrictEqual(tags(hear(runOf(good!.feed, 2, [bytesOf(9)]))).actions, ["Ingest"])
      hear({ _tag: "Have", feeds: [itemOf(bad!.feed, 9)] })
      assert.notInclude(tags(speak(1_000_000)).messages, "Want")
    })
  }

  it("[R12] a fork is found from further back, proved, and the proof reaches all", () => {
    const network = new Network(3, 12)
    const [a, b, c] = network.devices as [Device, Device, Device]
    const feed = keyOf("forked")
    const author = keyOf("author")
    const trunk = Array.from({ length: 5 }, () => bytesOf(50, 0))
    const branch = (n: number, length: number) => Array.from({ length }, () => bytesOf(50, n))
    a.append(a.admit(feed, author), ...trunk, ...branch(1, 30))
    b.append(b.admit(feed, author), ...trunk, ...branch(2, 20))
    c.append(c.admit(feed, author), ...trunk)
    a.append(own(a), bytesOf(10))
    b.append(own(b), bytesOf(10))
    network.connect(a, b)
    network.connect(b, c)
    network.settle(120_000)
    for (const device of network.devices) assert.strictEqual(device.feeds.get([...a.feeds.keys()][0]!)!.frozenAt, 5)
    for (const device of network.devices) assert.deepStrictEqual(network.lengths(device), network.lengths(a))
  })

  it("[R13] a device that owes an answer for two minutes is cut off", () => {
    const { speak } = alone(2)
    assert.deepStrictEqual(tags(speak(119_000)).actions, [])
    assert.deepStrictEqual(tags(speak(120_000)).actions, ["Close"])
  })

  it("[R13] a device that goes on sending what nobody wants is cut off", () => {
    const { hear, speak } = alone(2)
    let sent = 0
    for (; sent < 10_000 && tags(speak()).actions.length === 0; sent++) hear(runOf(keyOf("stranger"), 0, [bytesOf(10)]))
    assert.isAtMost(sent, 130)
  })

  it("[R13] a device that compares without end is cut off, and what it makes us say is bounded", () => {
    const { end, hear, speak } = alone(200)
    const range: Message = {
      _tag: "Range",
      from: new Uint8Array(32),
      to: new Uint8Array(32).fill(255),
      count: 1,
      content: new Uint8Array(32)
    }
    for (let i = 0; i < 5_000; i++) hear(range)
    assert.isAtMost(end.state.ranges.length, 4_096)
    assert.deepStrictEqual(tags(speak()).actions, ["Close"])
  })
})

describe("Replication: messages", () => {
  it("operations, bases and chunks are unknown in version 0", () => {
    for (const type of [6, 7, 8, 9, 12]) assert.isTrue(Result.isFailure(decodeMessage(Uint8Array.of(0x82, type, 0x40))))
  })
})
