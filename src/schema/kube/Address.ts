/**
 * By what a KUBE counts those who come from one place: an IPv4 address, or the 64 bits of IPv6 that one subscriber has for himself.
 */
export const placeOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  if (!address.includes(":")) return address
  const [left, right] = address.replace(/%.*$/, "").split("::").map(groupsOf)
  const zeros = right === undefined ? [] : Array.from({ length: Math.max(0, 8 - left!.length - right.length) }, () => "0")
  const groups = [...left!, ...zeros, ...(right ?? [])].slice(0, 4)
  return groups.map((group) => group.toLowerCase().replace(/^0+(?=.)/, "")).join(":")
}

const groupsOf = (text: string): ReadonlyArray<string> => (text === "" ? [] : text.split(":"))

/** Who has how much, for those who have anything: bounded by what is open. */
export class Tally<Key> {
  private readonly counts = new Map<Key, number>()

  /** Adds one, unless there are so many already. */
  add(key: Key, max: number): boolean {
    const count = this.counts.get(key) ?? 0
    if (count >= max) return false
    this.counts.set(key, count + 1)
    return true
  }

  remove(key: Key): void {
    const count = this.counts.get(key) ?? 0
    if (count > 1) this.counts.set(key, count - 1)
    else this.counts.delete(key)
  }

  get size(): number {
    return this.counts.size
  }
}
