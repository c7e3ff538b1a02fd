/**
 * A wire is a connection: whole, in order, and ended once at each end, whatever its links go through.
 */
import { assert, describe, it } from "@effect/vitest"
import { Links, usual } from "../../src/schema/simulation/Links.ts"
import { Loop, type Owner } from "../../src/schema/simulation/Loop.ts"
import { Stream } from "../../src/schema/simulation/Seed.ts"
import { type Site, Wire } from "../../src/schema/simulation/Wire.ts"

const owner = (id: number): Owner => ({ id, isAlive: true, isFrozen: false })

const make = (seed: number) => {
  const loop = new Loop(new Stream(seed), seed)
  const links = new Links(usual)
  const up = new Set(["a", "b"])
  const told: { [node: string]: Array<number> } = { a: [], b: [] }
  const ended: { [node: string]: Array<number> } = { a: [], b: [] }
  const site = (node: "a" | "b", id: number): Site<number> => ({
    node,
    owner: owner(id),
    port: {
      receive: (packet) => told[node]!.push(packet),
      ended: (code) => ended[node]!.push(code),
      room: () => undefined
    }
  })
  const [a, b] = [site("a", 1), site("b", 2)]
  const ground = {
    loop,
    links,
    host: owner(0),
    isUp: (node: string) => up.has(node),
    note: () => undefined,
    hinder: () => undefined
  }
  const wire = new Wire("a>b#1", seed, ground, [a, b], {
    digest: (packet) => packet,
    flipped: (packet, bit) => packet ^ (1 << (bit % 31))
  })
  const runTo = (micros: number) => loop.run(() => false, micros)
  return { a, b, ended, links, loop, runTo, told, up, wire }
}

const numbers = Array.from({ length: 50 }, (_, i) => i)

describe("Wire", () => {
  it("keeps the order through a cut that heals, for whatever was under way when it was cut", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const { a, links, loop, runTo, told, wire } = make(seed)
      const random = new Stream(seed)
      let at = 0
      for (const n of numbers) {
        wire.send(a, n, 100)
        at += random.below(3_000)
        if (random.oneIn(10)) {
          links.cut("a", "b")
          runTo((at += random.below(40_000)))
          links.mend("a", "b")
          wire.healed()
        }
        runTo(at)
      }
      runTo(loop.now + 10_000_000)
      assert.deepStrictEqual(told["b"], numbers, `seed ${seed}`)
    }
  })

  it("holds back what meets a clog, without patience and in order, whatever is cut and healed meanwhile", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { a, ended, links, loop, runTo, told, wire } = make(seed)
      for (const n of numbers.slice(0, 20)) wire.send(a, n, 100)
      runTo(5_000 + seed * 500)
      links.clog("a", "b")
      for (const n of numbers.slice(20)) wire.send(a, n, 100)
      runTo(loop.now + 30 * usual.giveUpMicros)
      const before = told["b"]!.length
      assert.isBelow(before, 20)
      links.cut("a", "b")
      links.mend("a", "b")
      wire.healed()
      runTo(loop.now + 10_000_000)
      assert.strictEqual(told["b"]!.length, before)
      links.unclog("a", "b")
      wire.healed()
      runTo(loop.now + 10_000_000)
      assert.deepStrictEqual([told["b"], ended], [numbers, { a: [], b: [] }], `seed ${seed}`)
    }
  })

  it("changes one bit in each of the next frames of a corrupting link, and no more of them", () => {
    const { a, b, links, runTo, told, wire } = make(7)
    links.corrupt("a", "b", 2)
    wire.send(b, 5, 100)
    for (const n of numbers.slice(0, 4)) wire.send(a, n, 100)
    runTo(10_000_000)
    const bits = told["b"]!.map((n, i) => (n ^ numbers[i]!).toString(2).replaceAll("0", "").length)
    assert.deepStrictEqual([bits, told["a"], links.corrupted], [[1, 1, 0, 0], [5], 2])
  })

  it("ends once at each end: after what was sent, when it is closed; for both, when it stalls for long or is reset", () => {
    const closing = make(1)
    for (const n of numbers) closing.wire.send(closing.a, n, 100)
    closing.wire.close(closing.a)
    closing.wire.send(closing.a, 99, 100)
    closing.runTo(10_000_000)
    assert.deepStrictEqual([closing.told["b"], closing.ended], [numbers, { a: [], b: [1000] }])

    const stalled = make(2)
    stalled.links.cut("a", "b")
    stalled.wire.send(stalled.a, 1, 100)
    stalled.runTo(usual.giveUpMicros - 1_000)
    assert.isTrue(stalled.wire.isOpen)
    stalled.runTo(usual.giveUpMicros + 1_000_000)
    assert.deepStrictEqual([stalled.told["b"], stalled.ended], [[], { a: [1006], b: [1006] }])
  })

  it("tells of a killed process, and is silent about a machine until somebody is there who knows nothing of it", () => {
    const killed = make(3)
    killed.wire.died(killed.b.owner, false)
    killed.runTo(1_000_000)
    assert.deepStrictEqual(killed.ended, { a: [1006], b: [] })

    const lost = make(4)
    lost.up.delete("b")
    lost.wire.died(lost.b.owner, true)
    lost.wire.send(lost.a, 1, 100)
    lost.runTo(60_000_000)
    assert.deepStrictEqual(lost.ended, { a: [], b: [] })
    lost.up.add("b")
    lost.wire.send(lost.a, 2, 100)
    lost.runTo(120_000_000)
    assert.deepStrictEqual(lost.ended, { a: [1006], b: [] })
  })

  it("is over when one end is closed and the machine at the other is gone for good", () => {
    const { a, b, runTo, up, wire } = make(6)
    up.delete("b")
    wire.died(b.owner, true)
    wire.close(a)
    runTo(60_000_000)
    assert.isFalse(wire.isOpen)
  })

  it("counts what the receiver has not taken", () => {
    const { a, b, runTo, wire } = make(5)
    wire.send(a, 1, 100)
    wire.send(a, 2, 50)
    runTo(1_000_000)
    assert.strictEqual(wire.untaken(a), 150)
    wire.took(b, 100)
    assert.strictEqual(wire.untaken(a), 50)
  })
})
