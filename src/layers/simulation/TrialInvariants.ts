/**
 * What has to hold always, of one trial: looked at whenever something has happened, and at the end.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { Violated } from "../../services/simulation/Trial.ts"
import { saysOf, wrongOf } from "./TrialText.ts"

export interface Options {
  /** Fails with what is found broken. */
  readonly failed: Deferred.Deferred<never, Violated>
  readonly noted: (check: string, says: string) => Effect.Effect<Violated>
  readonly isCalm: () => boolean
  /** Virtual time in which an answer has to come when nothing is broken any more. */
  readonly endsSeconds: number
}

/** What has to hold always, and what came of asking. */
interface Invariant {
  readonly name: string
  readonly holds: Effect.Effect<boolean | string, unknown>
  /** Whether it has ever said in time whether it holds. */
  hasAnswered: boolean
  /** Whether it did not when it was asked last, and what it has failed with then. */
  isLate: boolean
  error: unknown
}

export class TrialInvariants {
  private readonly options: Options
  private readonly all: Array<Invariant> = []
  private bell: Queue.Queue<true> | null = null

  constructor(options: Options) {
    this.options = options
  }

  /** Something has happened. */
  rang(): void {
    if (this.bell !== null) Queue.offerUnsafe(this.bell, true)
  }

  /** One more, looked at from now on for as long as the scope is open. */
  add(scope: Scope.Scope, name: string, holds: Effect.Effect<boolean | string, unknown>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      this.all.push({ name, holds, hasAnswered: false, isLate: false, error: null })
      if (this.bell === null) {
        this.bell = yield* Queue.sliding<true>(1)
        yield* Effect.forkIn(this.look(this.bell), scope)
      }
      Queue.offerUnsafe(this.bell, true)
    })
  }

  /** Looks at what has to hold after whatever has happened, at most once a millisecond, since looking makes things happen, too. */
  private look(bell: Queue.Queue<true>): Effect.Effect<never> {
    return Effect.gen({ self: this }, function* () {
      yield* Queue.take(bell)
      yield* this.lookOnce
      yield* Effect.sleep("1 millis")
    }).pipe(Effect.forever)
  }

  /** Each beside the others, since one may wait for a peer that stands still. */
  private looks(ask: (invariant: Invariant) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => Effect.forEach(this.all, ask, { concurrency: "unbounded", discard: true }))
  }

  private readonly lookOnce = this.looks((each) => this.asked(each, "1 second"))
  /** What waits has time now, and what has never said in time whether it holds has checked nothing. */
  readonly last = this.looks((each) => this.askedLast(each))

  private asked(invariant: Invariant, within: Duration.Input): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const exit = yield* Effect.exit(Effect.timeoutOption(invariant.holds, within))
      const { says, ...answer } = answered(exit)
      Object.assign(invariant, answer, { hasAnswered: invariant.hasAnswered || answer.hasAnswered })
      if (says !== null) yield* Deferred.fail(this.options.failed, yield* this.options.noted(invariant.name, says))
    })
  }

  private askedLast(invariant: Invariant): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      yield* this.asked(invariant, "1 second")
      const { endsSeconds, isCalm, noted } = this.options
      const { error, hasAnswered, isLate, name } = invariant
      if (isLate) yield* this.asked(invariant, `${endsSeconds} seconds`)
      const fails = `it fails whenever it is asked, the last time with ${saysOf(error)}`
      if (!hasAnswered) yield* noted(name, isLate ? waits : fails)
      else if (invariant.isLate && isCalm())
        yield* noted(name, `it has not answered within ${endsSeconds} s although everything has healed`)
    })
  }
}

const waits = "it takes longer than a second whenever it is asked, and what has to hold always must not wait"

/** What came of asking an invariant. One that has not answered in time, or failed in a way that its type tells, is asked again. */
const answered = (exit: Exit.Exit<Option.Option<boolean | string>, unknown>) => {
  if (Exit.isSuccess(exit)) {
    const isLate = Option.isNone(exit.value)
    return { says: isLate ? null : wrongOf(exit.value.value), hasAnswered: !isLate, isLate, error: null }
  }
  const error = Cause.squash(exit.cause)
  const isDead = Cause.hasDies(exit.cause)
  return { says: isDead ? saysOf(error) : null, hasAnswered: isDead, isLate: false, error }
}
