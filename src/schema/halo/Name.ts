/**
 * Names of people and devices, as they may be shown: one line, of letters that say what they seem to say.
 *
 * Controls, and those that turn the direction of writing, are taken out (Unicode TR 36, 2.3), since a name stands beside others' words.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { nameBytesMax } from "../platform/Limits.ts"

const unshown = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** A name that nobody can be called by. */
export class NameInvalid extends Schema.TaggedError<NameInvalid>()("NameInvalid", { reason: Schema.String }) {
  override get message() {
    return `this is no name: ${this.reason}. Choose one of 1 to 256 bytes that can be written in one line.`
  }
}

/** The name as it is kept. */
export const readName = (given: string): Result.Result<string, NameInvalid> => {
  const invalid = (reason: string) => Result.fail(new NameInvalid({ reason }))
  if (!given.isWellFormed()) return invalid("it is not well-formed Unicode")
  const name = given.replace(unshown, "").normalize("NFC").trim()
  if (name === "") return invalid("nothing of it can be seen")
  const bytes = new TextEncoder().encode(name).length
  return bytes > nameBytesMax ? invalid(`it takes ${bytes} bytes, and ${nameBytesMax} are allowed`) : Result.succeed(name)
}

/** A name as it is shown, whoever wrote it, and with whatever: empty where nobody can be called by it. */
export const shownName = (written: string): string => Result.getOrElse(readName(written), () => "")
