/**
 * What a trial says of answers and errors.
 */
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"

/** What is wrong, of what was answered to the question whether something holds. */
export const wrongOf = (held: boolean | string): string | null => {
  if (held === true || typeof held === "string") return held === true ? null : held
  return held === false ? "it does not hold" : `${String(held)} was answered, and neither true nor what is wrong`
}

/** Letters that are kept of what a broken promise says. */
const saysMax = 2_000

/** What is said, or as much of it as somebody reads. */
export const bounded = (says: string): string => (says.length <= saysMax ? says : `${says.slice(0, saysMax - 1)}…`)

/** What was given as an Effect, or why it is none. */
export const effectOf = <A, E>(answer: Effect.Effect<A, E>, whose: string): Effect.Effect<A, E> => {
  if (Effect.isEffect(answer)) return answer
  const what = (answer as unknown) instanceof Promise ? "a promise" : String(answer)
  return Effect.die(new TypeError(`${whose} answers ${what}, and no Effect: write Effect.gen(function* () { … })`))
}

/** What kind of error it is, for the name of a check. */
export const kindOf = (error: unknown): string => {
  if (error instanceof Error) return error.name
  return typeof error === "object" && error !== null ? tagOf(error) : `a ${typeof error}`
}

/** Whatever it is as JSON, or as near to it as it comes. */
const textOf = (what: unknown): string => {
  try {
    return JSON.stringify(what) ?? String(what)
  } catch {
    // what contains itself, or a bigint
    return Formatter.format(what)
  }
}

/** An error with the lines of its stack that are the test's own, and whatever else as JSON. */
export const saysOf = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error === "string" ? error : textOf(error)
  const own = (error.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !/node_modules|node:|<anonymous>|(layers|schema)\/simulation/.test(line))
  const tag = tagOf(error)
  const message = error.message === "" ? tag : error.message
  return [message, ...own.slice(0, 3).map((line) => line.trim())].join("\n")
}

export const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : String(error)
