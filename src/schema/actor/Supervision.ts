/**
 * What a supervisor does when a child crashes: a policy, and how often in what time it may restart.
 *
 * Pure: time is an argument. `Intensity` counts the restarts of one child, or of all of them where they fall and rise together.
 */
import * as Duration from "effect/Duration"

/** `resume` goes on with the state as it is, `restart` from a fresh one, `stop` ends the child, `escalate` lets the supervisor's own one decide. */
export type Directive = "resume" | "restart" | "stop" | "escalate"

/** Whether only the child that crashed is restarted or stopped, or all of its supervisor. */
export type Strategy = "one-for-one" | "all-for-one"

export interface Policy {
  /** What is to be done about a defect. */
  readonly decide: (defect: unknown) => Directive
  /** Restarts that are allowed within the window; the next is none any more. */
  readonly times: number
  readonly withinMillis: number
  /** The pause before the first restart of a window; each further one takes `factor` times as long, up to `mostMillis`. */
  readonly firstMillis: number
  readonly factor: number
  readonly mostMillis: number
  /** What follows when the restarts are used up. */
  readonly exhausted: "stop" | "escalate"
}

export interface RestartOptions {
  /** 3 unless said otherwise. */
  readonly times?: number
  /** 10 seconds unless said otherwise. */
  readonly within?: Duration.Input
  readonly backoff?: { readonly first: Duration.Input; readonly factor?: number; readonly most?: Duration.Input }
  readonly exhausted?: "stop" | "escalate"
  /** Says otherwise for some defects. */
  readonly decide?: (defect: unknown) => Directive
}

/** Restarts what crashed, at once or after a pause that grows; when it crashes too often, stops it. */
export const restart = (options: RestartOptions = {}): Policy => {
  const first = options.backoff === undefined ? 0 : Duration.toMillis(options.backoff.first)
  return {
    decide: options.decide ?? (() => "restart"),
    times: options.times ?? 3,
    withinMillis: Duration.toMillis(options.within ?? "10 seconds"),
    firstMillis: first,
    factor: options.backoff?.factor ?? 2,
    mostMillis: options.backoff?.most === undefined ? Math.max(first, 30_000) : Duration.toMillis(options.backoff.most),
    exhausted: options.exhausted ?? "stop"
  }
}

const always = (directive: Directive): Policy => restart({ decide: () => directive })

/** Goes on with the next message, the state as the crash left it. */
export const resume: Policy = always("resume")
/** Ends what crashed. */
export const stop: Policy = always("stop")
/** Hands the crash on to the supervisor above. */
export const escalate: Policy = always("escalate")

/** The restarts of the last while. */
export class Intensity {
  private times: Array<number> = []

  /** Counts a restart at `now` and answers its pause in milliseconds, or null when it is one too many. */
  next(policy: Policy, now: number): number | null {
    this.times = this.times.filter((time) => now - time < policy.withinMillis)
    if (this.times.length >= policy.times) return null
    const pause = Math.min(policy.firstMillis * policy.factor ** this.times.length, policy.mostMillis)
    this.times.push(now)
    return pause
  }
}
