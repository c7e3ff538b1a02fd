/**
 * Whether one seed is one execution: each is run twice in one process and once in a fresh one, and all three have to be the same.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { counted } from "../schema/simulation/Report.ts"
import type { Ran, Task, Test } from "./SimulateMessage.ts"
import { open, type SimulateProcess } from "./SimulateProcess.ts"
import { SimulateProgress } from "./SimulateProgress.ts"
import { type Asked, chosen, failed, say, shared } from "./SimulateRun.ts"

function* oneByOne(asked: Asked, tests: ReadonlyArray<Test>): Generator<Task & { readonly is: "seeds" }, undefined> {
  for (const { name: test, seeds } of tests) {
    const first = asked.seed ?? 1
    const count = asked.seed === null ? (asked.seeds ?? seeds) : 1
    for (let n = 0; n < count; n++) yield { is: "seeds", test, first: first + n, count: 1, isHunted: false }
  }
  return undefined
}

const verdictsOf = (process: SimulateProcess, task: Task, times: number) =>
  Effect.gen(function* () {
    const verdicts: Array<string> = []
    const ran = ({ verdict }: Ran) => void verdicts.push(JSON.stringify(verdict))
    for (let n = 0; n < times; n++) yield* process.ask(task, ran)
    return verdicts
  })

const fresh = (asked: Asked, task: Task) =>
  Effect.scoped(
    Effect.gen(function* () {
      const process = yield* open(asked)
      yield* process.tests
      return yield* verdictsOf(process, task, 1)
    })
  )

export const twice = (asked: Asked) =>
  Effect.gen(function* () {
    const began = performance.now()
    const first = yield* open(asked)
    const tests = yield* chosen(asked, yield* first.tests)
    const tasks = [...oneByOne(asked, tests)]
    const progress = new SimulateProgress(tasks.length)
    const differing: Array<{ readonly test: string; readonly seed: number }> = []
    let done = 0
    yield* shared(asked, first, tasks.values(), (process, task) =>
      Effect.gen(function* () {
        const verdicts = [...(yield* verdictsOf(process, task, 2)), ...(yield* fresh(asked, task))]
        if (task.is === "seeds" && new Set(verdicts).size > 1) differing.push({ test: task.test, seed: task.first })
        progress.told(++done, differing.length)
      })
    )
    progress.clear()
    const same = differing.length === 0
    const seeds = counted(tasks.length, "seed")
    const says = differing.map(({ seed, test }) => `seed ${seed} of "${test}" was not one execution`)
    say(asked.json, same ? `${seeds}, each the same twice in one process and once in a fresh one` : says.join("\n"))
    const seconds = Math.round((performance.now() - began) / 100) / 10
    const scenario = tests.map(({ name }) => name).join(", ")
    yield* Console.log(JSON.stringify({ same, scenario, seeds: tasks.length, differing, seconds }))
    if (!same) yield* failed
  }).pipe(
    Effect.scoped,
    Effect.onInterrupt(() => failed)
  )
