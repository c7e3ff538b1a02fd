/**
 * What a failed command says: the one or two sentences of the error that stopped it, and never a stack trace for what was expected.
 *
 * A defect is another matter: it is a bug of ours, and is printed whole, so that it can be reported.
 */
import * as Cause from "effect/Cause"
import * as Schema from "effect/Schema"

export const exitFailed = 1

/** No passphrase came, or not one that may be used. */
export class PassphraseUnread extends Schema.TaggedError<PassphraseUnread>()("PassphraseUnread", { reason: Schema.String }) {
  override get message() {
    return `${this.reason} Nothing was done.`
  }
}

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
