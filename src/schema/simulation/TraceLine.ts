/**
 * A line of a world's trace, parsed: when, what kind, and the rest word by word.
 *
 * Lines hold users' text as well, so nothing here is refused: what cannot be read is a note of a kind of its own.
 */

export type TraceLine = {
  /** Virtual microseconds. */
  readonly at: number
  readonly kind: string
  readonly details: ReadonlyArray<string>
}

/** Parses `<micros> <kind> <details…>`. Empty words stay, so that the details joined by spaces are the text again. */
export const parseLine = (line: string): TraceLine => {
  const [at = "", kind = "", ...details] = line.split(" ")
  return /^\d+$/.test(at) ? { at: Number(at), kind, details } : { at: 0, kind: "note", details: line.split(" ") }
}

/** The two nodes of a wire such as `ann>bob#3`. */
export const nodesOf = (wire: string): readonly [string, string] | null => {
  const [, from, to] = /^([^>]+)>(.+)#\d+$/.exec(wire) ?? []
  return from === undefined || to === undefined ? null : [from, to]
}
