/**
 * One life of a simulated peer: everything that dies with a crash.
 *
 * All that Effect asks of its surroundings (when to run, what time it is, randomness, spans, logs, the console) is a reference, and a
 * life owns them all. A crash switches its scheduler off: no task runs any more, no timer fires, no finalizer. Who may run next is
 * decided by the loop alone: a fiber that another one resumes inline, and one that has run long enough, is sent to the loop's queue,
 * so that the seed decides between them.
 */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Tracer from "effect/Tracer"
import type { Loop, Owner } from "../../schema/simulation/Loop.ts"
import type { MachineClock } from "../../schema/simulation/MachineClock.ts"
import { keyOf, type Seed, type Stream, streamOf } from "../../schema/simulation/Seed.ts"
import type { Machine } from "../../services/simulation/Host.ts"
import { installFiberIds, type NumberingScheduler } from "./WorldFibers.ts"

export interface Options {
  readonly loop: Loop
  readonly seed: Seed
  readonly name: string
  /** 1 for the first life of a peer. */
  readonly number: number
  /** The mean number of operations between preemptions; 0 for none. */
  readonly preemption: number
  /** The clock of its machine, which outlives it. */
  readonly clock: MachineClock
  readonly note: (kind: string, ...details: ReadonlyArray<string | number>) => void
}

export class WorldLife implements Owner {
  readonly id: number
  readonly name: string
  readonly number: number
  isAlive = true
  isFrozen = false
  /** Fibers that have not come to their end. */
  fibers = 0
  /** What the host's functions are answered from while a task of this life runs. */
  readonly machine: Machine
  /** What every fiber of this life is run with. */
  readonly references: Context.Context<never>
  private readonly options: Options
  private readonly yields: Stream
  private fiberCount = 0
  private budget = 0

  constructor(options: Options) {
    const { name, number, seed } = options
    this.options = options
    this.name = name
    this.number = number
    this.id = keyOf(seed, "life", name, number)
    this.yields = streamOf(seed, "yields", name, number)
    this.refill()
    this.machine = this.machineOf(streamOf(seed, "host", name, number))
    installFiberIds()
    this.references = Context.empty().pipe(
      Context.add(Scheduler.Scheduler, this.scheduler()),
      Context.add(Clock.Clock, this.clock()),
      Context.add(Random.Random, random(streamOf(seed, "random", name, number))),
      Context.add(Tracer.Tracer, tracer(streamOf(seed, "spans", name, number))),
      Context.add(Logger.CurrentLoggers, new Set([this.logger()])),
      Context.add(Console.Console, this.console()),
      Context.add(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => void this.fibers++,
        recordFiberEnd: () => void this.fibers--
      })
    )
  }

  private refill(): void {
    const { preemption } = this.options
    // twice the mean at most, and never so few that nothing but yielding is done
    this.budget = preemption === 0 ? Number.POSITIVE_INFINITY : 4 + this.yields.below(2 * preemption)
  }

  private scheduler(): NumberingScheduler {
    const { loop } = this.options
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (task) => loop.enqueue(this, task),
      flush: () => undefined
    }
    return {
      executionMode: "async",
      nextFiberId: () => ++this.fiberCount,
      makeDispatcher: () => dispatcher,
      shouldYield: (fiber: Fiber.Fiber<unknown, unknown>) => {
        if (!this.isAlive || this.isFrozen) return true
        // a run of operations begins: because the loop chose it, or inline, out of another fiber's
        if (fiber.currentOpCount === 1) {
          if (!loop.isChosen && !isInterrupted(fiber)) return true
          loop.isChosen = false
          return false
        }
        if (--this.budget > 0) return false
        this.refill()
        return true
      }
    }
  }

  private clock(): Clock.Clock {
    const { clock, loop } = this.options
    const millis = () => Math.floor(clock.wall(loop.now) / 1_000)
    const nanos = () => BigInt(clock.wall(loop.now)) * 1_000n
    const monotonic = () => BigInt(clock.monotonic(loop.now)) * 1_000n
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      sleep: (duration) => this.sleep(Duration.toMillis(duration))
    }
  }

  private machineOf(random: Stream): Machine {
    const { clock, loop } = this.options
    let [at, count] = [0, 0]
    return {
      wallMicros: () => clock.wall(loop.now),
      monotonicMicros: () => clock.monotonic(loop.now),
      fraction: () => random.fraction(),
      bytes: (length) => random.bytes(length),
      after: (millis, run) => {
        // of timers that were set at one instant for another, hosts run the earlier one first
        count = at === loop.now ? count + 1 : 0
        at = loop.now
        const timer = loop.after(clock.truly(Math.ceil(millis * 1_000)) + count, this, run)
        return () => {
          timer.isCancelled = true
        }
      },
      soon: (run) => loop.soon(this, run)
    }
  }

  private sleep(millis: number): Effect.Effect<void> {
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    const { clock, loop } = this.options
    return Effect.callback((resume) => {
      const timer = loop.after(clock.truly(Math.ceil(millis * 1_000)), this, () => resume(Effect.void))
      return Effect.sync(() => {
        timer.isCancelled = true
      })
    })
  }

  private logger(): Logger.Logger<unknown, void> {
    return Logger.make(({ logLevel, message }) => this.options.note("log", this.name, logLevel, String(message)))
  }

  private console(): Console.Console {
    const say = (...said: ReadonlyArray<unknown>) => this.options.note("console", this.name, said.map(String).join(" "))
    return new Proxy({} as Console.Console, { get: () => say })
  }
}

/**
 * Whether somebody has interrupted it. One that has not begun is ended by that at once, and would begin all the same if its end were put off:
 * its first task is on its way, and takes the place of whatever it waits for.
 */
const isInterrupted = (fiber: Interruptible): boolean => fiber._interruptedCause !== undefined

/** What Effect's fibers keep to themselves. */
interface Interruptible extends Fiber.Fiber<unknown, unknown> {
  readonly _interruptedCause?: unknown
}

const random = (stream: Stream): Context.Service.Shape<typeof Random.Random> => ({
  nextIntUnsafe: () => Math.floor((stream.fraction() - 0.5) * 2 * Number.MAX_SAFE_INTEGER),
  nextDoubleUnsafe: () => stream.fraction()
})

/** Spans whose ids come from the seed, since they leave the process with every request of effect/rpc. */
const tracer = (stream: Stream): Tracer.Tracer => {
  const hex = (digits: number): string => {
    let text = ""
    while (text.length < digits) text += stream.bits().toString(16).padStart(8, "0")
    return text
  }
  return Tracer.make({
    span(options) {
      const span = new Tracer.NativeSpan(options)
      const parent = options.parent._tag === "Some" ? options.parent.value.traceId : hex(32)
      return Object.assign(span, { _traceId: parent, _spanId: hex(16) })
    }
  })
}
