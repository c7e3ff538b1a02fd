/**
 * How much room a text takes in a drawing, without a font at hand: an estimate on the wide side, so that what fits here fits there.
 */

/** Ems of a letter in the widest of the usual fonts. */
const emsOf = (letter: string): number => {
  if (/[ijl.,:;'|!()[\] ]/.test(letter)) return 0.4
  if (/[mwMW@%→—…]/.test(letter)) return 1
  if (/[A-Z0-9_+=<>#&?~^*]/.test(letter)) return 0.72
  return letter.codePointAt(0)! < 0x2000 ? 0.62 : 1.1
}

export const widthOf = (text: string, size: number): number => {
  let ems = 0
  for (const letter of text) ems += emsOf(letter)
  return Math.ceil(ems * size)
}

/** Cuts a text so that it takes no more than this width, and says so by an ellipsis. */
const cutTo = (text: string, width: number, measure: Measure): string => {
  if (measure(text) <= width) return text
  const letters = [...text]
  const cut = (length: number): string => `${letters.slice(0, length).join("").trimEnd()}…`
  // the most that fits, found by halves: a text may be as long as a state that somebody prints
  let [fits, tooMuch] = [0, letters.length]
  while (tooMuch - fits > 1) {
    const middle = (fits + tooMuch) >> 1
    if (measure(cut(middle)) <= width) fits = middle
    else tooMuch = middle
  }
  return cut(fits)
}

type Measure = (text: string) => number

/** Breaks a text at its spaces into at most so many lines of this width. What is left of it is cut. */
export const wrap = (text: string, width: number, linesMax: number, measure: Measure): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  const words = text.replace(/\s+/g, " ").trim().split(" ")
  for (const [i, word] of words.entries()) {
    const longer = line === "" ? word : `${line} ${word}`
    if (line === "" || measure(longer) <= width) {
      line = longer
      continue
    }
    if (lines.length === linesMax - 1) return [...lines, cutTo(`${line} ${words.slice(i).join(" ")}`, width, measure)]
    lines.push(cutTo(line, width, measure))
    line = word
  }
  return [...lines, cutTo(line, width, measure)]
}
