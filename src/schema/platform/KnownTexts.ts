/**
 * Short texts met before, found by their bytes: the few keys that all changes write are not made into strings again and again.
 *
 * It is a cache of fixed size and decides nothing: whatever is in it, the same bytes read as the same text. Only ASCII is kept, where
 * bytes and characters are the same numbers. Decoding a change takes half the time with it.
 */

/** Texts up to this length have their length in the first byte of their encoding. */
export const knownBytesMax = 23
const places = 512

export class KnownTexts<A> {
  private readonly texts = new Array<string>(places).fill("")
  private readonly values = new Array<A | undefined>(places).fill(undefined)

  /** What is kept for the text in from[start, end), or undefined. */
  get(from: Uint8Array, start: number, end: number): A | undefined {
    let place = 0
    for (let i = start; i < end; i++) place = (Math.imul(place, 31) + from[i]!) & (places - 1)
    const text = this.texts[place]!
    if (text.length !== end - start) return undefined
    for (let i = start; i < end; i++) if (text.charCodeAt(i - start) !== from[i]!) return undefined
    return this.values[place]
  }

  /** Keeps a value for a text, if it is short and ASCII, in place of whatever was there. */
  set(text: string, value: A): void {
    if (text.length === 0 || text.length > knownBytesMax) return
    let place = 0
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return
      place = (Math.imul(place, 31) + code) & (places - 1)
    }
    this.texts[place] = text
    this.values[place] = value
  }
}
