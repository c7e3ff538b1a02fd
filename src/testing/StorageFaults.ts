/**
 * The rules that a Storage over `FileSystem` keeps when its disk does not: each an Effect that fails where the rule is broken.
 *
 * One fault at a time, at every operation of a workload (StorageWorkload.ts) in turn. The numbers are explained in Storage.ts. All
 * rules of one sweep are judged on the same runs, which are made once, when the first of them is asked for. What a run draws comes
 * from its *plan*, `crash 17 torn 3`: the fault, the number of the operation, the outcome, the seed. A rule that fails names the plan
 * of the first run that broke it, and `replay` makes that run alone.
 */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import { type Durability, Storage, type StorageOpenError } from "../services/platform/Storage.ts"
import { type Outcome, outcomes } from "./FaultyDisk.ts"
import { type FaultKind, FaultyFileSystem } from "./FaultyFileSystem.ts"
import { numbersFrom } from "./Seeded.ts"
import { everything, type Open } from "./StorageRules.ts"
import { batchOf, differences, durabilityOf, type Finding, Ledger, lastBatch, sessions } from "./StorageWorkload.ts"

/** A storage of files: what it does to its folder it does through these services. */
export type OverFiles = (folder: string) => Layer.Layer<Storage, StorageOpenError, FileSystem.FileSystem | Path.Path>

/** What a run is made of; equal plans are equal runs. */
export interface Plan {
  readonly kind: FaultKind
  readonly at: number
  readonly outcome: Outcome
  readonly seed: number
}

const titles: ReadonlyArray<readonly [title: string, sweep: "crashes" | "refusals"]> = [
  ["[S21] opens without an error, whatever a crash at any operation left", "crashes"],
  ["[S22] what was acknowledged strict is there after the crash", "crashes"],
  ["[S23] no batch is there in part: all its changes, removals too, or none", "crashes"],
  ["[S24] a batch is there only with all that were acknowledged before it began", "crashes"],
  ["[S25] nothing is there that nobody wrote", "crashes"],
  ["[S26] goes on after the crash, and what it then writes strict survives the next", "crashes"],
  ["[S27] a full disk is answered with StorageFull, a failing one with StorageFailed, at any operation", "refusals"],
  ["[S28] nothing of a refused batch is kept, and all of the others", "refusals"],
  ["[S29] goes on when the disk is well again, at the latest when opened again", "refusals"],
  ["[S30] after a full or failing disk a crash takes no more than it does otherwise", "refusals"]
]

export interface SweepOptions {
  /** Draws once, and ends a sweep with the first run that breaks a rule, the last operation first. Else it tells of each rule whether it is kept. */
  readonly isBrief: boolean
  /** Is told what a sweep tried. */
  readonly report?: (line: string) => void
}

/** The rules for a storage on a faulty disk. Those of one sweep share its runs. */
export const faultRules = (layer: OverFiles, { isBrief, report }: SweepOptions): ReadonlyArray<FaultRule> => {
  const once = (name: string, sweep: Effect.Effect<Sweep>) =>
    Effect.runSync(
      Effect.cached(
        Effect.tap(sweep, ({ operations, runs }) =>
          Effect.sync(() => report?.(`${name}: ${runs} runs over ${operations} operations`))
        )
      )
    )
  const sweeps = { crashes: once("crashes", crashes(layer, isBrief)), refusals: once("refusals", refusals(layer, isBrief)) }
  return titles.map(([title, sweep]) => [
    title,
    Effect.map(sweeps[sweep], ({ broken }) => {
      const says = broken.get(/S\d+/.exec(title)![0])
      if (says !== undefined) assert.fail(says)
    })
  ])
}

type FaultRule = readonly [title: string, check: Effect.Effect<void>]

/** What a sweep found: how much it tried, and the first run that broke each rule. */
export interface Sweep {
  readonly operations: number
  readonly runs: number
  readonly broken: ReadonlyMap<string, string>
}

/** Crashes at every operation, with every outcome; those that draw are drawn for several seeds. */
const crashes = (layer: OverFiles, isBrief: boolean): Effect.Effect<Sweep> =>
  sweep(layer, isBrief, "crash", (operation) =>
    outcomes.flatMap((outcome) =>
      seedsOf(!isBrief && (outcome === "cut" || outcome === "torn") ? 3 : 1, operation).map(
        (seed): Plan => ({ kind: "crash", at: operation, outcome, seed })
      )
    )
  )

/** A full disk and a failing operation at every operation: mended when closed, mended at once, or followed by a crash at once. */
const refusals = (layer: OverFiles, isBrief: boolean): Effect.Effect<Sweep> =>
  sweep(layer, isBrief, "refusal", (operation) =>
    (["full", "failing"] as const).flatMap((kind) =>
      seedsOf(3, operation).map(
        (seed, i): Plan => ({ kind, at: operation, outcome: outcomes[(operation + i) % outcomes.length]!, seed })
      )
    )
  )

/** The thousands say which of several runs of an operation it is. */
const seedsOf = (count: number, operation: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, i) => (i + 1) * 1_000 + operation)

const sweep = Effect.fnUntraced(function* (
  layer: OverFiles,
  isBrief: boolean,
  kind: "crash" | "refusal",
  plansAt: (operation: number) => ReadonlyArray<Plan>
) {
  const broken = new Map<string, string>()
  const keep = (plan: Plan | null, { findings, operation }: Ran) => {
    for (const { rule, says } of findings) if (!broken.has(rule)) broken.set(rule, tell(plan, operation, says))
  }
  const calm = yield* run(layer, kind, null)
  keep(null, calm)
  let runs = 1
  // where it does not work without a fault, faults would only hide why
  const count = calm.findings.length === 0 ? calm.operations : 0
  for (let i = 1; i <= count; i++) {
    // the last operations have most behind them, so whoever wants to see one rule broken begins there
    for (const plan of plansAt(isBrief ? count + 1 - i : i)) {
      if (isBrief && broken.size > 0) break
      keep(plan, yield* run(layer, kind, plan))
      runs++
    }
  }
  return { operations: calm.operations, runs, broken }
})

const planText = (plan: Plan): string => `${plan.kind} ${plan.at} ${plan.outcome} ${plan.seed}`

const tell = (plan: Plan | null, operation: string, says: string): string =>
  plan === null
    ? `${says} (without any fault)`
    : `${says}\n  ${plan.kind} at operation ${plan.at} (${operation}), outcome ${plan.outcome}, seed ${plan.seed}; to make this run alone: replay: "${planText(plan)}"`

/** The run of a plan that a failing rule has named. */
export const replay = (layer: OverFiles, text: string): Effect.Effect<void> => {
  const found = /^(crash|full|failing) (\d+) (kept|lost|cut|torn) (\d+)$/.exec(text)
  if (found === null) return Effect.die(new Error(`"${text}" is no plan: it reads like "crash 17 torn 3017"`))
  const plan = { kind: found[1] as FaultKind, at: Number(found[2]), outcome: found[3] as Outcome, seed: Number(found[4]) }
  return Effect.map(run(layer, plan.kind === "crash" ? "crash" : "refusal", plan), ({ findings, operation }) =>
    assert.deepStrictEqual(
      findings.map(({ rule, says }) => `[${rule}] ${tell(plan, operation, says)}`),
      []
    )
  )
}

interface Ran {
  readonly findings: ReadonlyArray<Finding>
  readonly operations: number
  /** What the fault met. */
  readonly operation: string
}

const folder = "/storage"
/** What comes after a refusal: the thousands of the seed say it. */
const afterRefusal = ["crash", "mended when closed", "mended at once"] as const

/** One run: the workload with the fault of the plan, and then what it left. */
const run = (layer: OverFiles, kind: "crash" | "refusal", plan: Plan | null): Effect.Effect<Ran> =>
  Effect.gen(function* () {
    const machine = new FaultyFileSystem({ seed: plan?.seed ?? 0 })
    addFolder(machine, folder.slice(1))
    if (plan !== null) machine.plan(plan)
    const tried = new Run(machine, layer)
    const findings = yield* kind === "crash" ? tried.crashing(plan) : tried.refusing(plan)
    const at = plan?.at ?? 1
    return { findings, operations: tried.operations, operation: machine.operations[at - 1] ?? "none" }
  })

class Run {
  operations = 0
  private readonly ledger = new Ledger()
  private readonly findings: Array<Finding> = []
  private readonly machine: FaultyFileSystem
  private readonly layer: OverFiles

  constructor(machine: FaultyFileSystem, layer: OverFiles) {
    this.machine = machine
    this.layer = layer
  }

  /** The workload until the power goes, and what is left. Without a plan, to the end. */
  crashing(plan: Plan | null): Effect.Effect<ReadonlyArray<Finding>> {
    return Effect.gen({ self: this }, function* () {
      const ended = yield* this.untilCrash(
        Effect.forEach(sessions, (groups) => this.session((storage) => this.groups(storage, groups)))
      )
      this.operations = this.machine.operations.length
      if (ended !== null && Exit.isFailure(ended)) return this.add("S21", said(ended))
      if (plan !== null) {
        this.machine.crash(plan.outcome, plan.seed)
        const again = yield* this.crashingAgain(plan)
        if (Exit.isFailure(again)) return this.add("S21", said(again))
      }
      const left = yield* Effect.exit(this.look())
      if (Exit.isFailure(left)) return this.add("S21", said(left))
      const { findings, there } = this.ledger.judge(left.value)
      this.findings.push(...findings)
      return plan === null || findings.length > 0 ? this.findings : yield* this.goingOn(there, plan)
    })
  }

  /** Every other time the power goes again, during one of the first operations of the next life. */
  private crashingAgain(plan: Plan): Effect.Effect<Exit.Exit<unknown, unknown>> {
    return Effect.gen({ self: this }, function* () {
      const draw = numbersFrom(plan.seed)
      if (draw(2) === 0) return Exit.void
      this.machine.plan({ kind: "crash", at: this.machine.operations.length + 1 + draw(6) })
      const opened = yield* this.untilCrash(this.session(() => Effect.void))
      this.machine.crash(plan.outcome, plan.seed + 1)
      return opened ?? Exit.void
    })
  }

  /** One strict batch more, a crash that loses what was not synced, and no other difference. */
  private goingOn(there: ReadonlyArray<number>, plan: Plan): Effect.Effect<ReadonlyArray<Finding>> {
    return Effect.gen({ self: this }, function* () {
      const n = lastBatch + 1
      const goesOn = yield* Effect.exit(this.session((storage) => this.attempt(storage, n, "strict", null)))
      if (Exit.isFailure(goesOn) || !goesOn.value) return this.add("S26", "the first batch after the crash was refused")
      this.machine.crash("lost", plan.seed)
      const left = yield* Effect.exit(this.look())
      if (Exit.isFailure(left)) return this.add("S26", `it does not open after the next crash: ${said(left)}`)
      for (const { says } of differences([...there, n], left.value)) this.add("S26", `after the next crash ${says}`)
      return this.findings
    })
  }

  /** The workload over a fault that is answered, with what is there after each session; then a crash, and what is left. */
  refusing(plan: Plan | null): Effect.Effect<ReadonlyArray<Finding>> {
    const tag = plan === null ? null : plan.kind === "full" ? "StorageFull" : "StorageFailed"
    const then = plan === null ? "mended when closed" : afterRefusal[Math.floor(plan.seed / 1_000) % afterRefusal.length]!
    /** Once more, on a disk that is well, when it was refused as it should be. */
    const persisting = <A, E>(work: Effect.Effect<A, E>) =>
      Effect.flatMap(Effect.exit(work), (exit) => {
        if (Exit.isSuccess(exit) || !isTagged(exit, tag)) return Effect.succeed(exit)
        this.machine.heal()
        return Effect.exit(work)
      })
    const write = Effect.fnUntraced({ self: this }, function* (storage: Storage["Service"], group: ReadonlyArray<number>) {
      if (yield* this.group(storage, group, tag)) return
      this.compare("S28", yield* Effect.provideService(everything, Storage, storage))
      if (then === "mended at once") this.machine.heal()
      if (then !== "crash") return
      this.machine.powerOff()
      yield* Effect.never
    })
    return Effect.gen({ self: this }, function* () {
      for (const groups of sessions) {
        const used = yield* this.untilCrash(
          persisting(this.session((storage) => Effect.forEach(groups, (group) => write(storage, group))))
        )
        if (used === null) break
        const ended = Exit.isSuccess(used) ? used.value : Exit.failCause(used.cause)
        if (Exit.isFailure(ended)) return this.add(isTagged(ended, tag) ? "S29" : "S27", said(ended))
        if (this.machine.hasMet) this.machine.heal()
        const left = yield* persisting(this.look())
        if (Exit.isFailure(left)) return this.add(plan === null ? "S21" : "S29", `it does not open again: ${said(left)}`)
        this.compare("S28", left.value)
        if (this.findings.length > 0) return this.findings
      }
      this.operations = this.machine.operations.length
      if (plan === null) return this.findings
      if (then !== "crash") {
        this.machine.heal()
        const goesOn = yield* Effect.exit(this.session((storage) => this.attempt(storage, lastBatch + 1, "strict", null)))
        if (Exit.isFailure(goesOn) || !goesOn.value) return this.add("S29", "a batch is refused although the disk is well")
      }
      this.machine.crash(plan.outcome, plan.seed)
      const left = yield* Effect.exit(this.look())
      if (Exit.isFailure(left)) return this.add("S30", said(left))
      for (const { says } of this.ledger.judge(left.value).findings) this.add("S30", says)
      return this.findings
    })
  }

  private groups(storage: Storage["Service"], groups: ReadonlyArray<ReadonlyArray<number>>) {
    return Effect.forEach(groups, (group) => this.group(storage, group, null), { discard: true })
  }

  /** Writes the batches of a group at once; whether all were acknowledged. */
  private group(storage: Storage["Service"], group: ReadonlyArray<number>, tag: string | null) {
    return Effect.map(
      Effect.forEach(group, (n) => this.attempt(storage, n, durabilityOf(n), tag), { concurrency: "unbounded" }),
      (answers) => answers.every((isAcknowledged) => isAcknowledged)
    )
  }

  /** Writes one batch, and takes its bytes back at once. */
  private attempt(storage: Storage["Service"], n: number, durability: Durability, tag: string | null) {
    return Effect.gen({ self: this }, function* () {
      const batch = batchOf(n)
      this.ledger.begin(n, durability)
      const exit = yield* Effect.exit(storage.write(batch, { durability }))
      this.ledger.end(n, Exit.isSuccess(exit))
      for (const { key, value } of batch) {
        key.fill(0xbb)
        value?.fill(0xbb)
      }
      if (Exit.isFailure(exit) && !isTagged(exit, tag)) this.add("S27", `batch ${n}: ${said(exit)}`)
      return Exit.isSuccess(exit)
    })
  }

  private compare(rule: string, found: Parameters<typeof differences>[1]): void {
    for (const { says } of differences(this.ledger.acknowledged, found)) this.add(rule, says)
  }

  private add(rule: string, says: string): ReadonlyArray<Finding> {
    this.findings.push({ rule, says })
    return this.findings
  }

  /** Opens the storage, uses it, and closes it. */
  private session<A, E>(use: (storage: Storage["Service"]) => Effect.Effect<A, E, Scope.Scope>) {
    return Effect.scoped(Effect.flatMap(open(this.machine, this.layer, folder), use))
  }

  private look() {
    return this.session((storage) => Effect.provideService(everything, Storage, storage))
  }

  /** Runs until the power goes: null; or until it has ended by itself: how. What the power took is left where it stands. */
  private untilCrash<A, E>(work: Effect.Effect<A, E>): Effect.Effect<Exit.Exit<A, E> | null> {
    return Effect.gen({ self: this }, function* () {
      const ended = yield* Deferred.make<Exit.Exit<A, E> | null>()
      this.machine.onCrash = () => Deferred.doneUnsafe(ended, Exit.succeed(null))
      yield* Effect.forkDetach(Effect.flatMap(Effect.exit(work), (exit) => Deferred.succeed(ended, exit)))
      return yield* Deferred.await(ended)
    })
  }
}

/** Runs on a slow disk without faults, and opens there as often as it likes. */
export const slowly = <A, E>(layer: OverFiles, use: (open: Open) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const machine = new FaultyFileSystem({ seed: 1, isSlow: true })
    for (const name of ["one", "other"]) addFolder(machine, name)
    return use((folder, use) =>
      Effect.scoped(Effect.flatMap(open(machine, layer, folder), (storage) => Effect.provideService(use, Storage, storage)))
    )
  })

const addFolder = (machine: FaultyFileSystem, name: string): void => {
  machine.disk.name([{ folder: machine.disk.root, name, node: machine.disk.folder() }])
  machine.disk.sync(machine.disk.root)
}

/** The storage on a life of the machine, built anew. */
const open = (
  machine: FaultyFileSystem,
  layer: OverFiles,
  folder: string
): Effect.Effect<Storage["Service"], StorageOpenError, Scope.Scope> =>
  Effect.suspend(() => {
    const platform = Layer.merge(Layer.succeed(FileSystem.FileSystem, machine.files()), Path.layer)
    return Effect.map(Layer.build(Layer.fresh(Layer.provide(layer(folder), platform))), Context.get(Storage))
  })

/** Whether it failed with this error and nothing else. Null is no error's. */
const isTagged = (exit: Exit.Failure<unknown, unknown>, tag: string | null): boolean => {
  const failed = exit.cause.reasons.filter(Cause.isFailReason)
  return failed.length === exit.cause.reasons.length && failed.every(({ error }) => (error as { _tag?: unknown })._tag === tag)
}

const said = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "it ended" : `it ended with ${String(Cause.squash(exit.cause))}`
