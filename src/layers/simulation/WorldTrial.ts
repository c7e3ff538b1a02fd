/**
 * Runs a plan of a simulated test in a world of its own, and answers what came of it.
 *
 * The first promise that is broken stops the world there. When none is, every peer is closed, and nothing of it may be left.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { isBlockKey } from "../../schema/echo/FeedRecords.ts"
import { profiles } from "../../schema/simulation/Links.ts"
import { isStep, type Plan, type Step, stepText } from "../../schema/simulation/Plan.ts"
import { counted } from "../../schema/simulation/Report.ts"
import type { Run, Simulation } from "../../services/simulation/Simulation.ts"
import { type Trial, type Verdict, Violated, type Violation } from "../../services/simulation/Trial.ts"
import { HostTouched, type SimulatedPeer, type World, WorldHalted } from "../../services/simulation/World.ts"
import * as TrialChecks from "./TrialChecks.ts"
import { TrialInvariants } from "./TrialInvariants.ts"
import { TrialSight } from "./TrialSight.ts"
import { bounded, effectOf, kindOf, saysOf, tagOf, wrongOf } from "./TrialText.ts"
import * as WorldRun from "./World.ts"
import { WorldFaults } from "./WorldFaults.ts"

/** Virtual time in which whatever was begun has to end after everything has healed. */
const endsSeconds = 60
/** Broken promises that are noted of one world. */
const violationsMax = 20

/** Runs a plan. Never fails: what goes wrong is in the verdict. */
export const run = (
  simulation: Simulation,
  plan: Plan,
  onEvent?: (line: string) => void,
  prints = true
): Effect.Effect<Verdict> =>
  Effect.suspend(() => {
    const begun = simulation.begin(plan)
    let trial: PlannedTrial | null = null
    const { network, peers, preemption, trouble } = plan.world
    const options: WorldRun.Options = {
      peers,
      seed: plan.seed,
      preemption,
      network: profiles[network],
      limit: trouble + 3_600_000,
      host: simulation.host,
      prints,
      ...(begun.layer === undefined ? {} : { layer: begun.layer }),
      ...(begun.lies === undefined ? {} : { lies: begun.lies }),
      onEvent: (line) => {
        trial?.happened(line)
        onEvent?.(line)
      }
    }
    const running = WorldRun.run(options, (world) => {
      trial = new PlannedTrial(simulation, begun, plan, world)
      return trial.run
    })
    return Effect.map(Effect.exit(running), (exit) => verdict(trial, exit))
  })

const verdict = (
  trial: PlannedTrial | null,
  exit: Exit.Exit<{ readonly trace: string; readonly virtualSeconds: number }, unknown>
): Verdict => {
  const { counts: met, failed, faults, operations = 0, sight } = trial ?? {}
  const told = {
    operations,
    failed: { ...failed },
    faults: { ...faults?.counts },
    met: { ...met, ...sight?.lies },
    table: sight?.states.table ?? []
  }
  const violations = trial?.violations ?? []
  if (Exit.isSuccess(exit)) return { ...told, violations, trace: exit.value.trace, virtualSeconds: exit.value.virtualSeconds }
  const error = Cause.squash(exit.cause)
  const says = bounded(error instanceof Error ? error.message : String(error))
  const seconds = sight?.now ?? 0
  const halted = { check: "the world", says, peer: null, seconds }
  // what asked the host fails of that, and the rest may be what came of it
  const isTouched = error instanceof HostTouched
  return {
    ...told,
    violations: isTouched ? [halted, ...violations] : [...violations, halted],
    trace: error instanceof WorldHalted ? error.trace : "",
    virtualSeconds: seconds
  }
}

class PlannedTrial {
  readonly violations: Array<Violation> = []
  readonly counts: { [name: string]: number } = {}
  /** How many steps failed in a way that their types tell, by its name. */
  readonly failed: { [error: string]: number } = {}
  readonly faults: WorldFaults
  readonly sight = new TrialSight()
  operations = 0
  private readonly simulation: Simulation
  private readonly begun: Run<Schema.Json>
  private readonly plan: Plan
  private readonly world: World
  private readonly broken = Deferred.makeUnsafe<never, Violated>()
  private readonly invariants = new TrialInvariants({
    failed: this.broken,
    noted: (check, says) => this.noted(check, says, null),
    isCalm: () => this.isCalm,
    endsSeconds
  })
  /** What of the test was made and not run yet. */
  private readonly unrun = new Set<{ readonly what: string }>()
  private isCalm = false
  private hasPlayed = false
  /** Peers of which it was said that they are not asked. */
  private readonly unasked = new Set<string>()

  constructor(simulation: Simulation, begun: Run<Schema.Json>, plan: Plan, world: World) {
    this.simulation = simulation
    this.begun = begun
    this.plan = plan
    this.world = world
    this.faults = new WorldFaults({ world, onCrash: begun.onCrash ?? (() => {}), rots: isBlockKey })
  }

  happened(line: string): void {
    this.sight.take(line)
    this.invariants.rang()
  }

  /** The whole trial, in the world. It does not fail, since a world that fails tells no trace. */
  get run(): Effect.Effect<void> {
    const body = Effect.scopedWith((scope) =>
      Effect.raceFirst(effectOf(this.begun.body(this.face(scope)), "the body"), Deferred.await(this.broken))
    )
    return Effect.gen({ self: this }, function* () {
      const exit = yield* Effect.exit(body)
      const isBroken = Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof Violated
      if (isBroken) yield* this.failure(exit.cause)
      // one that was started a moment ago has not failed yet
      if (this.sight.hasFailedToStart) yield* Effect.sleep("2 seconds")
      // a peer whose own program does not begin, although nothing is broken, is why much else fails
      if (this.isCalm || !this.hasPlayed)
        for (const [peer, why] of this.sight.unbooted) yield* this.noted("peers start", why, peer)
      if (isBroken) return
      if (Exit.isFailure(exit)) return yield* this.failure(exit.cause)
      const planned = this.plan.events.length
      if (planned > 0 && !this.hasPlayed) yield* this.noted("the plan happens", unplayed(planned), null)
      const fruitless = fruitlessOf(this.operations, this.failed)
      if (fruitless !== null) yield* this.noted("steps succeed", fruitless, null)
      for (const { what } of this.unrun)
        yield* this.noted("the checks run", `${what} was made and never run: write yield* before it`, null)
      yield* Effect.andThen(this.invariants.last, this.nothingLeft)
    })
  }

  private failure(cause: Cause.Cause<unknown>): Effect.Effect<unknown> {
    const error = Cause.squash(cause)
    if (error instanceof Violated) return Effect.sync(() => this.add(error))
    // a smaller plan has to fail in the same way
    return this.noted(`the test itself: ${kindOf(error)}`, saysOf(error), null)
  }

  private add({ check, peer, seconds, ...violation }: Violation): void {
    const says = bounded(violation.says)
    const isKnown = this.violations.some((each) => each.check === check && each.says === says && each.peer === peer)
    if (!isKnown && this.violations.length < violationsMax) this.violations.push({ check, says, peer, seconds })
  }

  private readonly nothingLeft = Effect.gen({ self: this }, function* () {
    // who is cut off waits longer to hear that what it closes is closed
    if (this.sight.isParted) yield* this.world.heal
    const closing = (peer: SimulatedPeer) => Effect.map(Effect.option(peer.close), (left) => [peer.name, left] as const)
    for (const [name, left] of yield* Effect.forEach([...this.world.peers], closing, { concurrency: "unbounded" })) {
      if (left._tag === "None" || left.value === 0) continue
      yield* this.noted("nothing left", `${this.sight.left.get(name)} after it was closed`, name)
    }
  })

  /** Notes a broken promise in the trace and in the verdict. */
  private noted(check: string, says: string, peer: string | null): Effect.Effect<Violated> {
    return Effect.gen({ self: this }, function* () {
      const seconds = yield* this.world.seconds
      yield* this.world.note("violated", check.replaceAll(" ", "_"), peer ?? "-", bounded(says.split("\n")[0]!))
      const violated = new Violated({ check, says, peer, seconds })
      this.add(violated)
      return violated
    })
  }

  // What the body is given ------------------------------------------------------------------------------------------------------

  /** Those whose disk has not rotted: what rots is found by an audit, and nothing more is promised of it. */
  private readonly sound = (): ReadonlyArray<SimulatedPeer> => {
    const { counts, world } = this
    const { rotten } = this.sight
    for (const peer of rotten) {
      if (!this.unasked.has(peer)) Effect.runSync(this.world.note("unasked", peer, "since its disk has rotted"))
      this.unasked.add(peer)
    }
    const sound = world.peers.filter(({ name }) => !rotten.has(name))
    // a world, however often it is asked
    if (sound.length === 0) counts["unasked seeds"] = 1
    return sound
  }

  /** Asks each peer whether something holds. One that cannot answer breaks the promise: nobody knows whether it holds there. */
  private check<E>(
    name: string,
    holds: (peer: SimulatedPeer) => Effect.Effect<boolean | string, E>
  ): Effect.Effect<void, Violated> {
    return Effect.gen({ self: this }, function* () {
      for (const peer of this.sound()) {
        const asked = yield* Effect.result(effectOf(holds(peer), `what "${name}" asks`))
        if (Result.isFailure(asked) && asked.failure instanceof Violated) yield* Effect.fail(asked.failure)
        const says = Result.isSuccess(asked) ? wrongOf(asked.success) : `it has no answer: ${saysOf(asked.failure)}`
        if (says !== null) yield* Effect.fail(yield* this.noted(name, says, peer.name))
      }
    })
  }

  /** Takes note of what is of no use unless it is run. */
  private made<A, E>(what: string, asking: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const one = { what }
    this.unrun.add(one)
    return Effect.suspend(() => {
      this.unrun.delete(one)
      return asking
    })
  }

  private face(scope: Scope.Scope): Trial<Schema.Json> {
    const { world } = this
    const violated: Trial["violated"] = (check, says, peer) => Effect.flatMap(this.noted(check, says, peer ?? null), Effect.fail)
    const converged = TrialChecks.converged(() => this.sight.meeting(this.sound()), violated)
    return {
      ...world,
      plan: this.plan,
      play: (perform) => this.play(scope, perform ?? (() => Effect.void)),
      together: TrialChecks.together(world),
      converged: (space, options) => this.made("converged", converged(space, options)),
      check: (name, holds) => this.made(`check "${name}"`, this.check(name, holds)),
      always: (name, holds) => this.made(`always "${name}"`, this.invariants.add(scope, name, holds)),
      violated,
      say: (check, says, peer) => {
        Effect.runSync(this.noted(check, says, peer ?? null))
      },
      met: (name, times = 1) => {
        this.counts[name] = (this.counts[name] ?? 0) + times
      },
      isCalm: Effect.sync(() => this.isCalm)
    }
  }

  // The plan ----------------------------------------------------------------------------------------------------------------------

  private play(
    scope: Scope.Scope,
    perform: (step: Schema.Json, peer: SimulatedPeer) => Effect.Effect<unknown, unknown>
  ): Effect.Effect<void, Violated> {
    return Effect.gen({ self: this }, function* () {
      const { events, world } = this.plan
      if (this.hasPlayed) return yield* Effect.die(new Error(twice))
      this.hasPlayed = true
      const began = yield* this.world.seconds
      const at = (millis: number) =>
        Effect.flatMap(this.world.seconds, (now) => Effect.sleep(Math.max(0, Math.round((began - now) * 1_000) + millis)))
      const left = new Set(events.filter(isStep))
      const taking = (step: Step) => Effect.andThen(at(step.at), this.step(step, left, perform))
      for (const steps of this.lanes()) yield* Effect.forkIn(Effect.forEach(steps, taking, { discard: true }), scope)
      const trouble = Effect.forEach(
        events.filter((event) => !isStep(event)),
        (fault) => Effect.andThen(at(fault.at), this.faults.happen(fault)),
        { concurrency: "unbounded", discard: true }
      )
      yield* Effect.timeoutOption(Effect.andThen(trouble, Effect.never), world.trouble)
      yield* this.calm(left)
    })
  }

  /** The steps, by who takes them one after the other. */
  private lanes(): Iterable<ReadonlyArray<Step>> {
    const { workload } = this.simulation
    const lanes = new Map<string, Array<Step>>()
    for (const step of this.plan.events.filter(isStep)) {
      const name = `${step.peer} ${workload === null ? "" : workload.lane(step.step)}`
      const lane = lanes.get(name)
      if (lane === undefined) lanes.set(name, [step])
      else lane.push(step)
    }
    return lanes.values()
  }

  private step(
    step: Step,
    left: Set<Step>,
    perform: (step: Schema.Json, peer: SimulatedPeer) => Effect.Effect<unknown, unknown>
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const { id, peer } = step
      yield* this.world.note("step", id, peer, stepText(step.step))
      const exit = yield* Effect.exit(Effect.suspend(() => effectOf(perform(step.step, this.world.peer(peer)), "the step")))
      left.delete(step)
      const error = Exit.isSuccess(exit) ? null : Cause.squash(exit.cause)
      yield* this.world.note("did", id, error === null ? "ok" : tagOf(error))
      if (error instanceof Violated) yield* Deferred.fail(this.broken, error)
      if (Exit.isSuccess(exit)) this.operations++
      // faults make things fail, in ways that their types tell; what no type tells is a mistake
      else if (Cause.hasDies(exit.cause)) yield* this.noted("no defect", Cause.pretty(exit.cause), peer)
      else if (!(error instanceof Violated)) this.failed[kindOf(error)] = (this.failed[kindOf(error)] ?? 0) + 1
    })
  }

  /** All heals. Whatever was begun comes to its end. */
  private calm(left: ReadonlySet<Step>): Effect.Effect<void, Violated> {
    return Effect.gen({ self: this }, function* () {
      this.isCalm = true
      yield* this.world.note("calm")
      yield* this.faults.end
      for (let waited = 0; left.size > 0 && waited < endsSeconds; waited++) yield* Effect.sleep("1 second")
      // in the order of their times, so that nobody had to wait for another before this one
      const [first] = left
      if (first === undefined) return
      const says = `${stepText(first.step)} has not ended ${endsSeconds} s after everything had healed (a native promise never settles in a world)`
      return yield* Effect.fail(yield* this.noted("steps end", says, first.peer))
    })
  }
}

const twice = "play was called twice, and a plan happens once: take all steps in one call"

/** Steps of which one at least succeeds, unless something is wrong that is no fault of a plan. */
const fruitfulOf = 10

/** What is said of a seed whose steps have done nothing, since all fail in one way; null when something was done, or little tried. */
const fruitlessOf = (operations: number, failed: { readonly [error: string]: number }): string | null => {
  const [first, ...others] = Object.entries(failed)
  if (operations > 0 || first === undefined || others.length > 0 || first[1] < fruitfulOf) return null
  return `all ${first[1]} steps fail with ${first[0]}`
}

const unplayed = (planned: number): string =>
  `${counted(planned, "event")} of the plan did not happen, since the body has not called play: call it, or take Faults.none and no workload`
