/**
 * The outside of the texts that admit: base64url with a version, a kind and a checksum, so that each mistake is named.
 *
 * Blanks and line breaks, which mail puts in, are passed over. Bytes: docs/format.md#offers-acceptances-and-welcomes.
 */
import * as Data from "effect/Data"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { Unsupported } from "../echo/ChangeSet.ts"
import { checksum, checksumBytes } from "../platform/Checksum.ts"
import { decodeWith, equalBytes, type Reader, Writer } from "../platform/Codec.ts"
import { admissionBytesMax, welcomeBytesMax } from "../platform/Limits.ts"

/** How many items each kind has of its own; its number is its place. */
const itemsOf = {
  "space offer": 2,
  "device offer": 1,
  "space acceptance": 5,
  "device acceptance": 4,
  "space welcome": 3,
  "device welcome": 3
} as const

type Kind = keyof typeof itemsOf

const kinds = Object.keys(itemsOf) as ReadonlyArray<Kind>

const version = 1

/** Which of the three texts. */
export type AdmissionText = "offer" | "acceptance" | "welcome"

/** What was pasted is not the text that is needed here, or was damaged on its way. Nothing of it was used. */
export class AdmissionInvalid extends Data.TaggedError("AdmissionInvalid")<{
  readonly expected: AdmissionText
  readonly reason: string
}> {
  override get message() {
    return `this is not the ${this.expected}: ${this.reason}. ${advice[this.expected]}`
  }
}

const advice: { readonly [text in AdmissionText]: string } = {
  offer: "Copy the whole offer again from the device that made it.",
  acceptance: "Copy the whole acceptance again from the device that accepts.",
  welcome: "Copy the whole welcome again from the device that made the offer."
}

/** Writes `[1, kind, …, sum4]` as base64url; `write` puts in what the kind has of its own. */
export const textOf = (kind: Kind, write: (to: Writer) => Writer): string => {
  const to = write(
    new Writer(1_024)
      .array(itemsOf[kind] + 3)
      .int(version)
      .int(kinds.indexOf(kind))
  )
  return Base64Url.encode(to.bytes(checksum(to.take(), 0, to.length)).finish())
}

/** For each kind of a text, what reads it. */
type Readers<A> = { readonly [kind in Kind]?: (from: Reader) => A }

/** How many characters a text may have: what may be in it, in base64, and the line breaks of a mail. */
const charactersMax = (expected: AdmissionText): number =>
  Math.ceil((expected === "welcome" ? welcomeBytesMax + admissionBytesMax : admissionBytesMax) * 1.5)

/** Reads a text of one of the kinds that are expected. */
export const readText = <A>(text: string, expected: AdmissionText, readers: Readers<A>): Result.Result<A, AdmissionInvalid> => {
  const invalid = (reason: string) => Result.fail(new AdmissionInvalid({ expected, reason }))
  if (text.length > charactersMax(expected)) return invalid(`it is longer than ${charactersMax(expected)} characters`)
  const compact = text.replace(/\s+/g, "")
  const bytes = Base64Url.decode(compact)
  if (Result.isFailure(bytes) || Base64Url.encode(bytes.success) !== compact) return invalid("it is not base64url")
  const own = Uint8Array.from(bytes.success)
  try {
    const result = decodeWith(own, (from) => {
      const read = readers[readKind(from, own, readers)]!
      const value = read(from)
      from.fixed(checksumBytes)
      return value
    })
    return Result.isSuccess(result) ? Result.succeed(result.success) : invalid(result.failure.reason)
  } catch (error) {
    if (error instanceof Unsupported) return invalid(error.message)
    throw error
  }
}

/** Damage is told before anything else: of a damaged text nothing is believed. */
const readKind = (from: Reader, bytes: Uint8Array, readers: Readers<unknown>): Kind => {
  const end = bytes.length - checksumBytes - 1
  if (end < 0 || !equalBytes(bytes.subarray(end + 1), checksum(bytes, 0, end)))
    from.fail("it was damaged on its way, or a part is missing")
  const items = from.array(end)
  if (from.uint() !== version) from.fail("it is from another version of Troupe, so update Troupe on both devices")
  const kind = kinds[from.uint()]
  if (kind === undefined) return from.fail("it is of a kind that this version of Troupe does not know")
  if (readers[kind] === undefined) from.fail(`it is a ${kind}`)
  if (items !== itemsOf[kind] + 3) from.fail("it has another number of parts")
  return kind
}
