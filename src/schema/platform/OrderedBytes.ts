/**
 * An ordered map of byte strings, in unsigned bytewise order: what a storage shows, while it is held in memory.
 *
 * Keys are held as strings with one character a byte, whose order in JavaScript is the order asked for, in sorted pages of bounded
 * length, so that tens of thousands of keys may be inserted in any order between reads. Whatever goes in and out is copied.
 */

/** A value to put, or null to remove the key. */
interface Change {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** `from` included, `to` excluded. */
interface Range {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly limit: number
  readonly reverse?: boolean
}

export class OrderedBytes {
  private readonly values: Map<string, Uint8Array>
  private readonly keys: SortedKeys

  /** The same as another one holds, which shares bytes with it, since neither changes any. */
  constructor(other?: OrderedBytes) {
    this.values = new Map(other?.values)
    this.keys = new SortedKeys(other?.keys)
  }

  get(key: Uint8Array): Uint8Array | null {
    const value = this.values.get(keyText(key))
    return value === undefined ? null : copy(value)
  }

  /** Of two changes to one key the later wins. */
  apply(batch: ReadonlyArray<Change>): void {
    for (const { key, value } of batch) {
      const text = keyText(key)
      if (value !== null) {
        if (!this.values.has(text)) this.keys.add(text)
        this.values.set(text, copy(value))
      } else if (this.values.delete(text)) this.keys.remove(text)
    }
  }

  page({ from, limit, reverse, to }: Range): ReadonlyArray<Entry> {
    const entries: Array<Entry> = []
    this.keys.each(keyText(from), keyText(to), reverse === true, (key) => {
      if (entries.length >= limit) return false
      entries.push({ key: keyBytes(key), value: copy(this.values.get(key)!) })
      return true
    })
    return entries
  }
}

/** A copy, also of a Buffer (whose own `slice` would share memory). */
const copy = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

const keyText = (bytes: Uint8Array): string => {
  let text = ""
  // to spread the bytes would cost ten times as much
  for (let at = 0; at < bytes.length; at += 4_096)
    text += Reflect.apply(String.fromCharCode, null, bytes.subarray(at, at + 4_096))
  return text
}

const keyBytes = (text: string): Uint8Array => {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

const pageKeysMax = 512

/** A sorted set of strings in pages, none of them empty but the only one. */
class SortedKeys {
  private readonly pages: Array<Array<string>>

  constructor(other?: SortedKeys) {
    this.pages = other === undefined ? [[]] : other.pages.map((page) => page.slice())
  }

  /** The page that holds or would hold the key: the last one that does not start after it. */
  private pageOf(key: string): number {
    let low = 0
    let high = this.pages.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.pages[middle]![0]! <= key) low = middle
      else high = middle - 1
    }
    return low
  }

  /** A key that is not there yet. */
  add(key: string): void {
    const at = this.pageOf(key)
    const page = this.pages[at]!
    page.splice(firstFrom(page, key), 0, key)
    if (page.length <= pageKeysMax) return
    // keys mostly come in ascending order, and then full pages stay full
    const cut = at === this.pages.length - 1 && page[page.length - 1] === key ? pageKeysMax : pageKeysMax >>> 1
    this.pages.splice(at + 1, 0, page.splice(cut))
  }

  /** A key that is there. */
  remove(key: string): void {
    const at = this.pageOf(key)
    const page = this.pages[at]!
    page.splice(firstFrom(page, key), 1)
    if (page.length === 0 && this.pages.length > 1) this.pages.splice(at, 1)
  }

  /** The keys in [from, to), in order or in reverse, until `visit` answers false. */
  each(from: string, to: string, reverse: boolean, visit: (key: string) => boolean): void {
    if (from >= to) return
    if (reverse) {
      for (let at = this.pageOf(to); at >= 0; at--) {
        const page = this.pages[at]!
        for (let i = firstFrom(page, to) - 1; i >= 0; i--) if (page[i]! < from || !visit(page[i]!)) return
      }
      return
    }
    for (let at = this.pageOf(from); at < this.pages.length; at++) {
      const page = this.pages[at]!
      for (let i = firstFrom(page, from); i < page.length; i++) if (page[i]! >= to || !visit(page[i]!)) return
    }
  }
}

/** The index of the first key that is not before `key`. */
const firstFrom = (page: ReadonlyArray<string>, key: string): number => {
  let low = 0
  let high = page.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (page[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}
