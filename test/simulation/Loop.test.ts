/**
 * The loop runs what is ready in an order that the seed draws, and moves time only when nothing is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Loop, type Owner } from "../../src/schema/simulation/Loop.ts"
import { Stream } from "../../src/schema/simulation/Seed.ts"

const owner = (id = 1): Owner => ({ id, isAlive: true, isFrozen: false })
const make = (seed = 1) => new Loop(new Stream(seed), seed)
const forever = () => false

describe("Loop", () => {
  it("draws every order of what is ready, and of what falls due at one instant", () => {
    const ready = new Set<string>()
    const due = new Set<string>()
    for (let seed = 1; seed <= 200; seed++) {
      const [loop, life] = [make(seed), owner()]
      const order: Array<number> = []
      for (const n of [1, 2, 3]) loop.enqueue(life, () => order.push(n))
      for (const n of [4, 5, 6]) loop.after(10, life, () => order.push(n))
      loop.run(forever, 100)
      ready.add(order.slice(0, 3).join(""))
      due.add(order.slice(3).join(""))
    }
    assert.strictEqual(ready.size, 6)
    assert.strictEqual(due.size, 6)
  })

  it("runs what is to run soon before all else and in its order, and says whose it is", () => {
    const [loop, one, other] = [make(), owner(1), owner(2)]
    const order: Array<string> = []
    const say = (what: string) => () => void order.push(`${what} ${loop.current?.id}`)
    loop.enqueue(one, () => {
      for (const n of [1, 2, 3]) loop.soon(one, say(`soon ${n}`))
      loop.enqueue(other, say("task"))
      loop.after(0, other, say("timer"))
    })
    loop.run(forever, 100)
    assert.deepStrictEqual(order, ["soon 1 1", "soon 2 1", "soon 3 1", "task 2", "timer 2"])
    assert.isNull(loop.current)
    other.isFrozen = true
    loop.soon(other, say("late"))
    one.isAlive = false
    loop.soon(one, say("never"))
    loop.run(forever, 200)
    loop.thaw(other)
    loop.run(forever, 300)
    assert.deepStrictEqual(order.slice(5), ["late 2"])
  })

  it("moves time to the next timer and no further than its limit", () => {
    const [loop, life] = [make(), owner()]
    const at: Array<number> = []
    loop.after(50, life, () => at.push(loop.now))
    loop.after(20, life, () => at.push(loop.now))
    assert.strictEqual(loop.run(forever, 30), "limit")
    assert.deepStrictEqual(at, [20])
    assert.strictEqual(loop.run(forever, 100), "stuck")
    assert.deepStrictEqual(at, [20, 50])
    assert.strictEqual(
      loop.run(() => true, 100),
      "done"
    )
  })

  it("drops what belongs to a life that is over, and holds what belongs to a frozen one until it thaws", () => {
    const [loop, dead, frozen] = [make(), owner(1), owner(2)]
    const ran: Array<string> = []
    for (const [life, name] of [
      [dead, "dead"],
      [frozen, "frozen"]
    ] as const) {
      loop.enqueue(life, () => ran.push(`${name} task`))
      loop.after(10, life, () => ran.push(`${name} timer at ${loop.now}`))
    }
    dead.isAlive = false
    frozen.isFrozen = true
    const waker = owner(3)
    loop.after(500, waker, () => loop.thaw(frozen))
    loop.run(forever, 1_000)
    assert.deepStrictEqual(ran.sort(), ["frozen task", "frozen timer at 500"])
  })

  it("tells of what stands still: nothing to do, or two million steps at one instant", () => {
    const [loop, life] = [make(), owner()]
    assert.strictEqual(loop.run(forever, 1_000), "stuck")
    const again = (): void => loop.enqueue(life, again)
    again()
    assert.strictEqual(loop.run(forever, 1_000), "circle")
  })

  it("counts the timers that a life still has", () => {
    const [loop, life] = [make(), owner()]
    const timer = loop.after(10, life, () => undefined)
    loop.after(20, life, () => undefined)
    assert.strictEqual(loop.timersOf(life), 2)
    timer.isCancelled = true
    assert.strictEqual(loop.timersOf(life), 1)
  })
})
