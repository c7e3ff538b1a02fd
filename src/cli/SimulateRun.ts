/**
 * Runs the simulated tests of a file over many seeds: hands them out to worker processes as these finish, and tells what comes of them.
 */
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PlansNode from "../layers/simulation/PlansNode.ts"
import { counted } from "../schema/simulation/Report.ts"
import { exitFailed } from "./Failure.ts"
import { Miscalled } from "./Misuse.ts"
import type { Command, Ran, Setup, Task, Test } from "./SimulateMessage.ts"
import { open, type SimulateProcess } from "./SimulateProcess.ts"
import { SimulateProgress } from "./SimulateProgress.ts"
import { SimulateSum } from "./SimulateSum.ts"

export interface Asked extends Setup {
  /** One test alone; all of the file when null. */
  readonly test: string | null
  /** How many seeds; as many as each test says when null, one when there is `seed`. */
  readonly seeds: number | null
  readonly seed: number | null
  readonly jobs: number
  readonly json: boolean
}

/** A run that ends at a time, or when it has found something. */
export interface Until {
  readonly minutes: number
  readonly first: number
}

type Known = Command & { readonly is: "known" }

/** Seeds that are handed out at once. */
const chunkMax = 16

/** What people read: a result, unless JSON is. */
export const say = (json: boolean, text: string): void => void (json ? process.stderr : process.stdout).write(`${text}\n`)

/** A run that was interrupted, or that found something, has not shown what it was to show. */
export const failed = Effect.sync(() => {
  process.exitCode = exitFailed
})

/** Those of the file that were asked for. */
export const chosen = (asked: Pick<Asked, "file" | "peers" | "test">, tests: ReadonlyArray<Test>) =>
  Effect.suspend(() => {
    const { file, peers, test } = asked
    const found = tests.filter(({ name }) => test === null || name === test)
    const names = tests.map(({ name }) => `"${name}"`).join(", ")
    if (found.length === 0) return Effect.fail(new Miscalled({ says: `${file} has no simulated test "${test}", only ${names}.` }))
    const named = found.find((each) => typeof each.peers === "object" && !("from" in each.peers))
    if (peers === null || named === undefined) return Effect.succeed(found)
    return Effect.fail(
      new Miscalled({ says: `The peers of "${named.name}" have names, so --peers cannot say how many there are.` })
    )
  })

/** Those of the tests that were chosen, and a word about those that no test of the file runs. */
const oldPlans = (file: string, all: ReadonlyArray<Test>, tests: ReadonlyArray<Test>) =>
  Effect.try({
    try: () => {
      const names = all.map(({ name }) => name)
      PlansNode.warnOfOrphans(file, names)
      return tests.flatMap(({ name }) => PlansNode.oldPlans(file, name))
    },
    catch: (error) => new Miscalled({ says: PlansNode.messageOf(error) })
  })

/** Plans that failed before, then seeds: of one test after the other. */
function* seedTasks(asked: Asked, tests: ReadonlyArray<Test>, old: ReadonlyArray<Task>): Generator<Task, undefined> {
  yield* old
  for (const { name: test, seeds } of tests) {
    const count = asked.seed === null ? (asked.seeds ?? seeds) : 1
    const first = asked.seed ?? 1
    // small enough that all are busy to the end
    const chunk = Math.max(1, Math.min(chunkMax, Math.floor(count / (asked.jobs * 4))))
    for (let n = 0; n < count; n += chunk)
      yield { is: "seeds", test, first: first + n, count: Math.min(chunk, count - n), isHunted: true }
  }
  return undefined
}

/** One seed of one test after the other, until the time is over. */
function* longTasks({ first, minutes }: Until, tests: ReadonlyArray<Test>): Generator<Task, undefined> {
  const end = performance.now() + minutes * 60_000
  for (let n = 0; performance.now() < end; n++) {
    const test = tests[n % tests.length]!.name
    yield { is: "seeds", test, first: first + Math.floor(n / tests.length), count: 1, isHunted: true }
  }
  return undefined
}

/** Lets so many processes take tasks until there are none. */
export const shared = <E>(
  asked: Setup & { readonly jobs: number },
  first: SimulateProcess,
  tasks: Iterator<Task>,
  each: (process: SimulateProcess, task: Task) => Effect.Effect<void, E>
) => {
  const takes = (process: SimulateProcess) =>
    Effect.gen(function* () {
      for (let next = tasks.next(); next.done !== true; next = tasks.next()) yield* each(process, next.value)
    })
  const another = Effect.scoped(
    Effect.gen(function* () {
      const process = yield* open(asked)
      yield* process.tests
      yield* takes(process)
    })
  )
  const others = Array.from({ length: asked.jobs - 1 }, () => another)
  return Effect.all([takes(first), ...others], { concurrency: "unbounded", discard: true })
}

/** Runs them all. Ends well whatever the tests say: the exit code says that. */
export const run = (asked: Asked, until: Until | null = null) =>
  Effect.gen(function* () {
    const began = performance.now()
    const first = yield* open(asked)
    const all = yield* first.tests
    const tests = yield* chosen(asked, all)
    const plans = asked.seed === null && until === null ? yield* oldPlans(asked.file, all, tests) : []
    const old = plans.map((plan): Task => ({ is: "plan", ...plan }))
    if (old.length > 0) say(asked.json, `${counted(old.length, "plan")} that failed before, first`)
    const tasks = until === null ? seedTasks(asked, tests, old) : longTasks(until, tests)
    const total = until === null ? old.length + seedsIn(asked, tests) : null
    const sum = yield* taken(asked, first, tests, tasks, total)
    const seconds = (performance.now() - began) / 1_000
    say(asked.json, sum.text(seconds))
    if (asked.json) yield* Console.log(JSON.stringify(sum.json(seconds)))
    if (sum.failing.length > 0) yield* failed
  }).pipe(
    Effect.scoped,
    Effect.onInterrupt(() => failed)
  )

const seedsIn = (asked: Asked, tests: ReadonlyArray<Test>): number =>
  asked.seed !== null ? tests.length : tests.reduce((sum, { seeds }) => sum + (asked.seeds ?? seeds), 0)

/** Takes all tasks, and tells what comes of them as it comes. A run whose `total` nobody knows ends when it has found something. */
const taken = (asked: Asked, first: SimulateProcess, tests: ReadonlyArray<Test>, tasks: Iterator<Task>, total: number | null) =>
  Effect.gen(function* () {
    const sum = new SimulateSum(tests, asked.peers)
    const progress = new SimulateProgress(total)
    const processes = new Set<SimulateProcess>()
    const known: Array<Known> = []
    const isEnough = (test: string, check: string, seed: number | null): void => {
      known.push({ is: "known", test, check, seed })
      for (const each of processes) each.send(known.at(-1)!)
    }
    const found = yield* Deferred.make<void>()
    let isFirst = true
    const ran = (result: Ran): void => {
      const isKnown = sum.add(result)
      const { isOld, seed, shown, test, verdict } = result
      const [violation] = verdict.violations
      if (isKnown && violation !== undefined) isEnough(test, violation.check, null)
      if (isOld && violation !== undefined) isEnough(test, violation.check, seed)
      if (shown !== null) {
        progress.clear()
        say(asked.json, isFirst ? `${shown.told}\n\n${shown.timeline}\n` : `${shown.told}\n`)
        isFirst = false
        if (total === null) Deferred.doneUnsafe(found, Exit.void)
      }
      progress.told(sum.done, sum.failing.length)
    }
    const all = shared(asked, first, tasks, (process, task) => {
      if (!processes.has(process)) for (const each of known) process.send(each)
      processes.add(process)
      return process.ask(task, ran)
    })
    yield* Effect.raceFirst(all, Deferred.await(found))
    progress.clear()
    return sum
  })
