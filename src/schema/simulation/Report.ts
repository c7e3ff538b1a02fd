/**
 * What is known of a simulated test that failed: where the timeline and the diagram are made from.
 */

export interface Report {
  /** The test's name. */
  readonly title: string
  readonly seed: string
  readonly peers: ReadonlyArray<string>
  /** The trace up to the failure, or beyond. */
  readonly lines: ReadonlyArray<string>
  readonly failure: {
    readonly check: string
    readonly says: string
    readonly peer: string | null
    readonly micros: number
  } | null
  readonly plan: ReadonlyArray<{
    /** Virtual milliseconds. */
    readonly at: number
    readonly peer: string | null
    readonly kind: string
    readonly text: string
  }>
  /** How many events the plan had before it was shrunk. */
  readonly shrunkFrom: number | null
  /** The command that runs it again. */
  readonly replay: string
  /** The hash of the trace. */
  readonly trace: string
}

/** The failure in one sentence: which check fails, when and where, without what it says. */
export const verdictOf = ({ failure }: Report): string =>
  failure === null
    ? "No check failed."
    : `${failure.check} fails at ${secondsOf(failure.micros)}${failure.peer === null ? "" : ` on ${failure.peer}`}`

/** Microseconds as seconds, to the millisecond. */
export const secondsOf = (micros: number): string => `${(micros / 1_000_000).toFixed(3)} s`

/** How long something takes, as people say it. */
export const durationOf = (micros: number): string => {
  if (micros < 0) return `-${durationOf(-micros)}`
  if (micros < 1_000_000) return `${Math.round(micros / 1_000)} ms`
  return micros < 120_000_000 ? `${(micros / 1_000_000).toFixed(1)} s` : `${(micros / 60_000_000).toFixed(1)} min`
}

export const bytesOf = (bytes: number): string =>
  bytes < 1_000 ? `${bytes} B` : bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`

export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
