/**
 * Small numbers for the feeds of one space, so that hot paths compare and index integers instead of 32-byte ids.
 *
 * The numbers are local to one opened space and never stored or sent.
 */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"

const letters = Uint8Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", (each) => each.charCodeAt(0))

/** A feed's id as text: base64url of its public key. Each message names feeds, and written out like this it takes a fifth of the time. */
export const feedText = (id: Uint8Array): string => {
  const text: Array<number> = []
  for (let i = 0; i < id.length; i += 3) {
    const bits = (id[i]! << 16) | ((id[i + 1] ?? 0) << 8) | (id[i + 2] ?? 0)
    text.push(letters[bits >> 18]!, letters[(bits >> 12) & 63]!)
    if (i + 1 < id.length) text.push(letters[(bits >> 6) & 63]!)
    if (i + 2 < id.length) text.push(letters[bits & 63]!)
  }
  return String.fromCharCode.apply(null, text)
}

/** The bytes of an id or a key that was made text by this program: what is no base64url is a fault of the caller's. */
export const bytesOfText = (text: string): Uint8Array => Result.getOrThrow(Base64Url.decode(text))

/** The characters of a feed's id as text. */
export const feedTextLength = 43

export class FeedTable {
  private readonly byText = new Map<string, number>()
  private readonly ids: Array<Uint8Array> = []
  private readonly texts: Array<string> = []
  private lastStart = -1

  get size(): number {
    return this.ids.length
  }

  /** The number of a feed, given one if it had none. */
  intern(id: Uint8Array): number {
    const text = feedText(id)
    const known = this.byText.get(text)
    if (known !== undefined) return known
    const index = this.ids.length
    this.byText.set(text, index)
    this.ids.push(id.slice())
    this.texts.push(text)
    return index
  }

  /** The number of a feed, or −1. */
  find(id: Uint8Array): number {
    return this.byText.get(feedText(id)) ?? -1
  }

  findText(text: string): number {
    return this.byText.get(text) ?? -1
  }

  /** The number of the feed whose text, of the usual length, another text begins with, or −1. Mostly the same as the last time. */
  findStart(text: string): number {
    if (this.lastStart >= 0 && text.startsWith(this.texts[this.lastStart]!)) return this.lastStart
    const found = this.findText(text.slice(0, feedTextLength))
    if (found >= 0) this.lastStart = found
    return found
  }

  id(index: number): Uint8Array {
    return this.ids[index]!
  }

  text(index: number): string {
    return this.texts[index]!
  }
}
