/**
 * What a trial says of answers and errors.
 */

/** What is wrong, of what was answered to the question whether something holds. */
export const wrongOf = (held: boolean | string): string | null =>
  held === true ? null : held === false ? "it does not hold" : held

/** What kind of error it is, for the name of a check. */
export const kindOf = (error: unknown): string => (error instanceof Error ? error.name : tagOf(error))

/** An error with the lines of its stack that are the test's own, and whatever else as JSON. */
export const saysOf = (error: unknown): string => {
  if (!(error instanceof Error)) return typeof error === "string" ? error : JSON.stringify(error)
  const own = (error.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line) && !/node_modules|node:|(layers|schema)\/simulation/.test(line))
  const tag = tagOf(error)
  const message = error.message === "" ? tag : error.message
  return [message, ...own.slice(0, 3).map((line) => line.trim())].join("\n")
}

export const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : String(error)
