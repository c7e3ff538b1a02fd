/**
 * A worker process, as the one that started it has it: killed when its scope ends, whatever it is doing.
 */
import { type ChildProcess, fork } from "node:child_process"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Plan } from "../schema/simulation/Plan.ts"
import { Miscalled } from "./Misuse.ts"
import { hung, SimulateWatch } from "./SimulateHung.ts"
import type { Command, Ran, Reply, Setup, Task, Test } from "./SimulateMessage.ts"

/** A worker process has ended by itself. */
export class WorkerCrashed extends Schema.TaggedError<WorkerCrashed>()("WorkerCrashed", {
  how: Schema.String,
  doing: Schema.String,
  stderr: Schema.String
}) {
  override get message() {
    return `a worker process ended by itself (${this.how}) while ${this.doing}. It wrote:\n${this.stderr.trimEnd() || "nothing"}`
  }
}

/** What is kept of what a worker writes to standard error. */
const stderrCharsMax = 20_000

const extension = extname(import.meta.url)
const worker = fileURLToPath(new URL(`./SimulateWorker${extension}`, import.meta.url))
// run from sources, `troupe` means the sources in test files, too
const conditions = extension === ".ts" ? ["--conditions=troupe-source"] : []

type Result = Effect.Effect<ReadonlyArray<Test>, WorkerCrashed | Miscalled>

/** What a worker's next replies are for. */
interface Waiting {
  readonly ran: (ran: Ran) => void
  readonly end: (result: Result) => void
}

export class SimulateProcess {
  private readonly setup: Setup
  private readonly watch: SimulateWatch
  private child: ChildProcess
  private task: Task | null = null
  private waiting: Waiting | null = null
  /** What has come before anybody has waited for it: the tests. */
  private early: Result | null = null
  private crash: WorkerCrashed | null = null
  private doing = "it loaded the file"
  private stderr = ""

  constructor(setup: Setup) {
    this.setup = setup
    this.watch = new SimulateWatch(setup.worldSeconds, (plan) => this.hung(plan))
    this.child = this.forked(setup)
  }

  private forked(setup: Setup): ChildProcess {
    const child = fork(worker, [JSON.stringify(setup)], {
      execArgv: [...process.execArgv, ...conditions, "--disable-warning=ExperimentalWarning"],
      // its standard output is not a result
      stdio: ["ignore", 2, "pipe", "ipc"]
    })
    child.stderr!.on("data", (bytes) => {
      this.stderr = `${this.stderr}${bytes}`.slice(-stderrCharsMax)
    })
    child.on("message", (reply: Reply) => this.replied(reply))
    child.on("error", (error) => this.ended(error.message))
    // "close" and not "exit": what it wrote has come by then
    child.on("close", (code, signal) => this.ended(signal ?? `code ${code}`))
    return child
  }

  /** A world does not end: another process takes what is left to do. */
  private hung(plan: Plan): void {
    const { child, task } = this
    child.removeAllListeners()
    child.kill("SIGKILL")
    this.task = task === null ? null : restOf(task, plan.seed)
    this.child = this.forked(this.setup)
    this.waiting?.ran(hung(plan, this.setup, task?.is === "plan" ? task.path : undefined))
  }

  /** A process is there: the first has its tests to tell, one that takes another's place goes on with what that has left. */
  private isReady(tests: ReadonlyArray<Test>): void {
    if (this.task === null) this.end(Effect.succeed(tests))
    else this.send(this.task)
  }

  private replied(reply: Reply): void {
    if (reply.is === "begins") this.watch.begins(reply.plan ?? undefined)
    else this.watch.ends()
    if (reply.is === "begins") return
    if (reply.is === "ran") this.waiting?.ran(reply.ran)
    else if (reply.is === "refused") this.end(Effect.fail(new Miscalled({ says: reply.says })))
    else if (reply.is === "ready") this.isReady(reply.tests)
    else this.end(Effect.succeed([]))
  }

  private end(result: Result): void {
    const { waiting } = this
    // first: whoever has waited may ask for the next at once
    this.waiting = null
    if (waiting === null) this.early = result
    else waiting.end(result)
  }

  private ended(how: string): void {
    this.watch.ends()
    this.crash ??= new WorkerCrashed({ how, doing: this.doing, stderr: this.stderr })
    this.end(Effect.fail(this.crash))
  }

  private waits(ran: (ran: Ran) => void, begin: () => void) {
    return Effect.callback<ReadonlyArray<Test>, WorkerCrashed | Miscalled>((resume) => {
      const known = this.crash === null ? this.early : Effect.fail(this.crash)
      this.early = null
      if (known !== null) return resume(known)
      this.waiting = { ran, end: resume }
      begin()
    })
  }

  /** The tests of the file, once it is loaded. */
  readonly tests = this.waits(
    () => {},
    () => {}
  )

  /** Runs what is asked, and tells each seed as it ends. */
  readonly ask = (task: Task, ran: (ran: Ran) => void): Effect.Effect<void, WorkerCrashed | Miscalled> =>
    this.waits(ran, () => {
      this.doing = doingOf(task)
      this.task = task
      this.send(task)
    })

  readonly send = (command: Command): void => {
    // one that has ended is noticed by who waits for it
    if (this.child.connected) this.child.send(command)
  }

  readonly kill = Effect.sync(() => {
    this.watch.ends()
    this.child.kill("SIGKILL")
    if (this.crash === null && this.stderr !== "") process.stderr.write(this.stderr)
  })
}

/** What of a task is to be done after that seed. */
const restOf = (task: Task, seed: number): Task | null => {
  const left = task.is === "seeds" ? task.first + task.count - (seed + 1) : 0
  return task.is !== "seeds" || left === 0 ? null : { ...task, first: seed + 1, count: left }
}

const doingOf = (task: Task): string => {
  if (task.is !== "seeds") return `it ran a plan of "${task.plan.name}", seed ${task.plan.seed}`
  const { count, first, test } = task
  return `it ran ${count === 1 ? `seed ${first}` : `seeds ${first} to ${first + count - 1}`} of "${test}"`
}

/** A worker that has yet to load its file: ask for its tests first. */
export const open = (setup: Setup): Effect.Effect<SimulateProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new SimulateProcess(setup)),
    (process) => process.kill
  )
