/**
 * What a failed command says: the one or two sentences of the error that stopped it, and never a stack trace for what was expected.
 *
 * A defect is another matter: it is a bug of ours, and is printed whole, so that it can be reported.
 */
import * as Cause from "effect/Cause"

export const exitFailed = 1

const isTagged = (error: unknown): error is Error & { readonly _tag: string } =>
  error instanceof Error && "_tag" in error && typeof error._tag === "string"

/** The text for the terminal. */
export const failureText = (cause: Cause.Cause<unknown>): string => {
  const defect = cause.reasons.find(Cause.isDieReason)
  if (defect !== undefined) return `troupe has a bug; please report this:\n${Cause.pretty(cause)}`
  const failure = cause.reasons.find(Cause.isFailReason)?.error
  if (isTagged(failure)) return `${failure._tag}: ${failure.message}`
  return failure instanceof Error ? failure.message : String(failure)
}
