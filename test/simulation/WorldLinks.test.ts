/**
 * Links that part some from some, hold back, and change what they carry.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "../../src/layers/simulation/World.ts"
import { profiles } from "../../src/schema/simulation/Links.ts"
import { gathered, inSpace, shows, titles, together, write } from "./tasks.ts"

const options = { peers: ["ann", "bob"], seed: 1, limit: "20 minutes" } as const

/** The lines of a trace that begin with these words. */
const linesOf = (lines: ReadonlyArray<string>, kind: string) =>
  lines.map((line) => line.split(" ")).filter((words) => words[1] === kind)

describe("World: links", () => {
  it.live("[W21] that are parted leave a third between them, who passes on what both write", () => {
    const lines: Array<string> = []
    return World.run({ ...options, peers: ["ann", "bob", "cy"], onEvent: (line) => lines.push(line) }, (world) =>
      Effect.gen(function* () {
        const ticket = yield* gathered(world, "ann", "bob", "cy")
        yield* world.part("ann", "bob")
        yield* Effect.sleep("1 minute")
        const from = lines.length
        yield* write(world.peer("ann"), ticket, "by way of cy")
        yield* shows(world.peer("bob"), ticket, ["by way of cy", "first"])
        const between = linesOf(lines.slice(from), "packet").map(([, , , from, to]) => [from, to].sort().join("+"))
        assert.include(between, "ann+cy")
        assert.include(between, "bob+cy")
        assert.notInclude(between, "ann+bob")
        yield* world.heal
        yield* world.part("bob", "cy")
        yield* write(world.peer("cy"), ticket, "by way of ann")
        yield* shows(world.peer("bob"), ticket, ["by way of ann", "by way of cy", "first"])
      })
    )
  })

  it.live("[W21] that are clogged hold back for a while, and nothing is lost or reset", () => {
    const lines: Array<string> = []
    return World.run({ ...options, onEvent: (line) => lines.push(line) }, (world) =>
      Effect.gen(function* () {
        const { ann, bob, ticket } = yield* together(world)
        const before = yield* world.hindered
        yield* world.clog("ann", "bob")
        yield* write(ann, ticket, "held back")
        yield* write(bob, ticket, "let through")
        yield* shows(ann, ticket, ["first", "held back", "let through"])
        yield* Effect.sleep("15 seconds")
        assert.deepStrictEqual(yield* inSpace(bob, ticket, titles), ["first", "let through"])
        assert.isAbove(yield* world.hindered, before)
        assert.isAbove((yield* world.touched("ann", "bob")).clogged, 0)
        assert.strictEqual((yield* world.touched("bob", "ann")).clogged, 0)
        yield* world.unclog("ann", "bob")
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(yield* inSpace(bob, ticket, titles), ["first", "held back", "let through"])
        assert.deepStrictEqual(linesOf(lines, "reset"), [])
      })
    )
  })

  it.live("[W21] that are clogged let nobody meet until they are not, or all is healed", () =>
    World.run({ ...options, peers: ["ann", "bob", "cy"] }, (world) =>
      Effect.gen(function* () {
        const ticket = yield* gathered(world, "ann", "bob", "cy")
        yield* world.clog("kube", "cy")
        yield* world.clog("ann", "bob")
        for (const name of ["bob", "cy"]) {
          yield* world.peer(name).crash()
          yield* world.peer(name).restart
        }
        yield* write(world.peer("ann"), ticket, "new")
        yield* Effect.sleep("20 seconds")
        for (const name of ["bob", "cy"]) assert.deepStrictEqual(yield* inSpace(world.peer(name), ticket, titles), ["first"])
        yield* world.heal
        for (const name of ["bob", "cy"]) yield* shows(world.peer(name), ticket, ["first", "new"])
      })
    )
  )

  it.live("[W23] that corrupt change one bit of each of the next frames, and nothing that they spoil is taken for true", () =>
    Effect.gen(function* () {
      const spoiled: Array<number> = []
      for (let seed = 1; seed <= 10; seed++) {
        yield* World.run({ ...options, seed }, (world) =>
          Effect.gen(function* () {
            const { ann, bob, ticket } = yield* together(world)
            yield* world.corrupt("ann", "bob", 2)
            // the next one is the first of those two
            yield* world.corrupt("ann", "bob", 1)
            for (const title of ["a", "b", "c"]) yield* write(ann, ticket, title)
            // before what was refused is asked for again
            yield* Effect.sleep("10 seconds")
            assert.strictEqual(yield* world.corrupted, 2)
            const shown = yield* inSpace(bob, ticket, titles)
            assert.includeMembers(["a", "b", "c", "first"], [...shown])
            if (shown.length < 4) spoiled.push(seed)
            yield* world.corrupt("bob", "ann", 5)
            yield* world.heal
            // whatever a connection was spoiled by, in a new life there is another
            yield* bob.crash()
            yield* bob.restart
            yield* shows(bob, ticket, ["a", "b", "c", "first"])
            assert.strictEqual(yield* world.corrupted, 2, "heal took back what had not happened yet")
          })
        )
      }
      assert.isAbove(spoiled.length, 0, "no frame that mattered was hit")
    })
  )

  it.live("[W23] that corrupt stop no feed for as long as the connection lives", () =>
    Effect.gen(function* () {
      const slow: Array<string> = []
      for (let seed = 1; seed <= 40; seed++) {
        yield* World.run({ ...options, seed }, (world) =>
          Effect.gen(function* () {
            const { ann, bob, ticket } = yield* together(world)
            yield* world.corrupt("ann", "bob", 1)
            yield* write(ann, ticket, "by ann")
            yield* write(bob, ticket, "by bob")
            yield* Effect.sleep("5 minutes")
            for (const peer of [ann, bob]) {
              const shown = yield* inSpace(peer, ticket, titles)
              if (shown.join() !== "by ann,by bob,first") slow.push(`seed ${seed}: ${peer.name} shows ${shown}`)
            }
          })
        )
      }
      assert.deepStrictEqual(slow, [])
    })
  )

  it.live("[W22] are as their profile says, for the same peers", () =>
    Effect.gen(function* () {
      const took = (network: keyof typeof profiles) =>
        Effect.map(
          World.run({ ...options, network: profiles[network] }, (world) =>
            Effect.gen(function* () {
              const { ann, bob, ticket } = yield* together(world)
              const before = yield* world.seconds
              yield* write(ann, ticket, "new")
              yield* shows(bob, ticket, ["first", "new"])
              return (yield* world.seconds) - before
            })
          ),
          ({ value }) => value
        )
      assert.isBelow(yield* took("lan"), 0.15)
      assert.isAbove(yield* took("satellite"), 0.28)
    })
  )

  it.live("[W6] tell in the trace of each packet who sent it to whom, and when", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      yield* World.run({ ...options, onEvent: (line) => lines.push(line) }, together)
      const packets = linesOf(lines, "packet")
      assert.isAbove(packets.length, 10)
      for (const [at, , wire, from, to, number, bytes, digest, sent, ...more] of packets) {
        assert.deepStrictEqual([from, to].sort(), wire!.split("#")[0]!.split(">").sort())
        assert.isBelow(Number(sent), Number(at))
        for (const count of [number, bytes, digest]) assert.match(count!, /^\d+$/)
        assert.deepStrictEqual(more, [])
      }
      assert.isTrue(packets.some(([, , , from, to]) => [from, to].includes("kube")))
    })
  )
})
