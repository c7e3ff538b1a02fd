/**
 * Names of people and devices, as they may be shown: one line, of letters that say what they seem to say.
 *
 * Controls, and those that turn the direction of writing, are taken out (Unicode TR 36, 2.3), since a name stands beside others' words.
 */
import * as Result from "effect/Result"
import { nameBytesMax } from "../platform/Limits.ts"

const unshown = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** The name as it is kept, or why it is none. */
export const readName = (given: string): Result.Result<string, string> => {
  if (!given.isWellFormed()) return Result.fail("it is not well-formed Unicode")
  const name = given.replace(unshown, "").normalize("NFC").trim()
  if (name === "") return Result.fail("nothing of it can be seen")
  const bytes = new TextEncoder().encode(name).length
  return bytes > nameBytesMax ? Result.fail(`it takes ${bytes} bytes, and ${nameBytesMax} are allowed`) : Result.succeed(name)
}

/** A name as it is shown, whoever wrote it, and with whatever: empty where nobody can be called by it. */
export const shownName = (written: string): string => Result.getOrElse(readName(written), () => "")
