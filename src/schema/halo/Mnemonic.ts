/**
 * The seed phrase: entropy as words that people can write down, by BIP-39 with its English list.
 *
 * What people type is read tolerantly (case, blanks, commas, numbers before words, the first four letters of a word), since each word
 * of the list is known by its first four letters. What is wrong is told by the places of words; hints are secrets, as the words are.
 */
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39"
import { wordlist } from "@scure/bip39/wordlists/english.js"
import * as Data from "effect/Data"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"

/** How many words a phrase may have: 128, 160, 192, 224 or 256 bits. */
const lengths: ReadonlySet<number> = new Set([12, 15, 18, 21, 24])
const typedMax = 1_024

/** Why a text is no seed phrase. It names places alone; `hints` has for each the words of the list that are like what stands there. */
export class MnemonicInvalid extends Data.TaggedError("MnemonicInvalid")<{
  readonly reason: "length" | "unknown" | "checksum"
  readonly says: string
  readonly hints: ReadonlyMap<number, Redacted.Redacted<ReadonlyArray<string>>>
}> {
  override get message() {
    return `this is not a seed phrase: ${this.says}`
  }
}

/** The phrase of 16 to 32 bytes of entropy: 12 words for 16 bytes, 24 for 32. */
export const phraseOf = (entropy: Uint8Array): string => entropyToMnemonic(entropy, wordlist)

/** The entropy of a phrase as somebody typed it. */
export const readPhrase = (typed: string): Result.Result<Uint8Array, MnemonicInvalid> => {
  if (typed.length > typedMax) return refused("length", `it is longer than ${typedMax} characters`)
  const words = wordsOf(typed)
  if (!lengths.has(words.length)) {
    const counted = words.length === 1 ? "1 word" : `${words.length} words`
    return refused("length", `it has ${counted}, and a phrase has 12 or 24. Type all of them, with blanks between them.`)
  }
  const meant = words.map(meantBy)
  const unknown = meant.flatMap((word, at) => (word === null ? [at + 1] : []))
  if (unknown.length > 0) {
    const hints = new Map(unknown.map((place) => [place, Redacted.make(similarTo(words[place - 1]!))] as const))
    const [subject, verb] = unknown.length === 1 ? ["word", "is"] : ["words", "are"]
    return refused(
      "unknown",
      `${subject} ${unknown.join(", ")} ${verb} not in the list of words. Look at how they are written.`,
      hints
    )
  }
  try {
    return Result.succeed(mnemonicToEntropy(meant.join(" "), wordlist))
  } catch {
    const says =
      "all of its words are in the list, and do not belong together. Look whether one was mistaken for another, or two were swapped."
    return refused("checksum", says)
  }
}

const refused = (
  reason: MnemonicInvalid["reason"],
  says: string,
  hints: MnemonicInvalid["hints"] = new Map()
): Result.Result<never, MnemonicInvalid> => Result.fail(new MnemonicInvalid({ reason, says, hints }))

/** The words of a text, without what people and lists put around them. */
const wordsOf = (typed: string): ReadonlyArray<string> =>
  typed
    .normalize("NFKD")
    .toLowerCase()
    .split(/[\s,;]+/)
    .map((word) => word.replace(/^\d{1,2}[.):]?/, ""))
    .filter((word) => word !== "")

const prefixLetters = 4
const known: ReadonlySet<string> = new Set(wordlist)
const byPrefix: ReadonlyMap<string, string> = new Map(wordlist.map((word) => [word.slice(0, prefixLetters), word]))

const meantBy = (word: string): string | null =>
  known.has(word) ? word : word.length === prefixLetters ? (byPrefix.get(word) ?? null) : null

const hintsMax = 3
const wordLettersMax = 8

/** Words of the list that are one or two letters away, the likest first. */
const similarTo = (word: string): ReadonlyArray<string> => {
  if (word.length > wordLettersMax + 2) return []
  const away = wordlist.map((each) => [distance(word, each), each] as const).filter(([letters]) => letters <= 2)
  return away
    .sort(([a], [b]) => a - b)
    .slice(0, hintsMax)
    .map(([, each]) => each)
}

/** How many letters have to be put in, taken out, changed or swapped with the next to make one of the other. */
const distance = (a: string, b: string): number => {
  let [before, last] = [[] as ReadonlyArray<number>, Array.from({ length: b.length + 1 }, (_, at) => at)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1)
      row.push(least)
    }
    ;[before, last] = [last, row]
  }
  return last[b.length]!
}
