/**
 * What of the host a world refuses, what it answers, and what it does not see: the table in docs/simulation.md, call by call.
 */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as World from "../../src/layers/simulation/World.ts"

const documents = readFileSync(new URL("../../docs/simulation.md", import.meta.url), "utf8")
/** The section, row by row. */
const section = documents.slice(documents.indexOf("## Libraries that ask the host")).split("\n## ")[0]!.split("\n")
const rowOf = (call: string): string =>
  section.find((line) => line.startsWith("|") && line.includes(`\`${call.replace(/(?<=subtle).*/, "")}\``)) ?? ""

type Call = readonly [name: string, call: () => unknown]

const { subtle } = crypto
const ciphers = Object.getOwnPropertyNames(Object.getPrototypeOf(subtle)).filter(
  (name) => name !== "constructor" && typeof Reflect.get(subtle, name) === "function"
)

/** What a host that answers takes from the life whose task is running. */
const answered: ReadonlyArray<Call> = [
  ["Date.now()", () => Date.now()],
  ["new Date()", () => new Date().toISOString()],
  ["new Date()", () => new (new Date(0).constructor as DateConstructor)().toISOString()],
  ["Date()", () => typeof Date()],
  ["new File()", () => new File([], "x").lastModified],
  ["event.timeStamp", () => new Event("x").timeStamp],
  ["performance.mark()", () => performance.mark("x").startTime],
  ["performance.now()", () => Performance.prototype.now.call(performance)],
  ["performance.now()", () => performance.now()],
  ["process.hrtime()", () => [process.hrtime(), String(process.hrtime.bigint())]],
  ["process.uptime()", () => process.uptime()],
  ["Math.random()", () => Math.random()],
  ["crypto.getRandomValues()", () => [...crypto.getRandomValues(new Uint8Array(8))]],
  ["crypto.randomUUID()", () => crypto.randomUUID()],
  ["crypto.getRandomValues()", () => String(Crypto.prototype.getRandomValues.call(crypto, new Uint8Array(8)))],
  ["crypto.randomUUID()", () => Crypto.prototype.randomUUID.call(crypto)],
  ["setTimeout()", () => Number(setTimeout(() => {}, 1))],
  ["setInterval()", () => clearInterval(setInterval(() => {}, 1))],
  ["setImmediate()", () => Number(setImmediate(() => {}))],
  ["queueMicrotask()", () => queueMicrotask(() => {})],
  ["process.nextTick()", () => process.nextTick(() => {})],
  ["AbortSignal.timeout()", () => AbortSignal.timeout(5).aborted]
]
const refused: ReadonlyArray<Call> = [
  ["fetch()", () => fetch("https://example.org")],
  ["performance.measure()", () => performance.measure("x")],
  ["URL.createObjectURL()", () => URL.createObjectURL(new Blob([]))],
  ["WebSocket", () => new WebSocket("wss://example.org")],
  ...ciphers.map((name): Call => [`crypto.subtle.${name}()`, () => Reflect.apply(Reflect.get(subtle, name), subtle, [])])
]
const keptDate = Date
/** Each goes its way, and nobody hears of it. */
const unseen: ReadonlyArray<Call> = [
  ["Intl.DateTimeFormat", () => new Intl.DateTimeFormat("en", { fractionalSecondDigits: 3 }).format()],
  ["performance.timeOrigin", () => performance.timeOrigin],
  ["process.cpuUsage()", () => process.cpuUsage()],
  ["process.resourceUsage()", () => process.resourceUsage()],
  ["process.memoryUsage()", () => process.memoryUsage()],
  ["process.pid", () => process.pid],
  ["MessageChannel", () => new MessageChannel().port1.close()],
  ["WeakRef", () => new WeakRef({}).deref()]
]

const run = (call: () => unknown, host: "refuse" | "answer") => {
  const swallowed = Effect.sync(() => {
    try {
      return call()
    } catch {
      return "swallowed"
    }
  })
  return World.run({ peers: ["ann"], seed: 1, host }, (world) => world.peer("ann").run(swallowed))
}

describe("the calls of the host", () => {
  it.live.each([...answered, ...refused])("[W7] refuses %s where the host is refused", ([name, call]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run(call, "refuse"))
      assert.strictEqual(error._tag, "HostTouched")
      assert.include(error.message, "WorldHostCalls.test.ts")
      assert.include(rowOf(name), "| refused |")
    })
  )

  it.live.each(answered)("[W25] answers %s, the same in each run of a seed", ([name, call]) =>
    Effect.gen(function* () {
      const { trace, value } = yield* run(call, "answer")
      assert.notStrictEqual(value, "swallowed")
      assert.deepStrictEqual(yield* run(call, "answer").pipe(Effect.map((again) => [again.trace, again.value])), [trace, value])
      assert.match(rowOf(name), /\| refused \| (?!refused)/)
    })
  )

  it.live.each(refused)("[W25] refuses %s where the host answers, too", ([name, call]) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(run(call, "answer")))._tag, "HostTouched")
      assert.include(rowOf(name), "| refused | refused |")
    })
  )

  it.live("[W25] aborts a signal when its time is over, and in no other life", () =>
    World.run({ peers: ["ann", "bob"], seed: 1, host: "answer" }, (world) =>
      Effect.gen(function* () {
        const [ann, bob] = [world.peer("ann"), world.peer("bob")]
        const signals = [
          yield* ann.run(Effect.sync(() => AbortSignal.timeout(2_000))),
          yield* bob.run(Effect.sync(() => AbortSignal.timeout(2_000)))
        ]
        yield* bob.crash()
        yield* Effect.sleep("1900 millis")
        assert.deepStrictEqual([signals[0]!.aborted, signals[1]!.aborted], [false, false])
        yield* Effect.sleep("200 millis")
        assert.deepStrictEqual([signals[0]!.aborted, signals[1]!.aborted], [true, false])
        assert.strictEqual(signals[0]!.reason.name, "TimeoutError")
      })
    )
  )

  it.live.each(["refuse", "answer"] as const)("[W8] halts a world that waits for a native promise (%s)", (host) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        run(() => {}, host).pipe(Effect.andThen(World.run({ peers: [], seed: 1, host }, () => Effect.promise(async () => 1))))
      )
      assert.strictEqual(error._tag, "WorldHalted")
      assert.include(error.message, "such as a native promise")
    })
  )

  it.live.each([...unseen, ["a function that was kept", () => keptDate.UTC(2030) && new keptDate(0)] as const])(
    "[W25] does not see %s, as the document says",
    ([name, call]) =>
      Effect.gen(function* () {
        for (const host of ["refuse", "answer"] as const) assert.notStrictEqual((yield* run(call, host)).value, "swallowed")
        if (name !== "a function that was kept") assert.include(rowOf(name), "| not seen | not seen |")
      })
  )
})
