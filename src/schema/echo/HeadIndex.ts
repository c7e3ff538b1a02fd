/**
 * Where in a record the heads of each feed stand, in the order of their counters: what a write can take is found without looking at
 * what it cannot.
 *
 * Only a record that was searched in vain has one (Registers.ts), since most never need it. It may name places whose head is gone, and
 * never misses one that is there. A feed's heads come in the order of their counters, so those that a writer had seen come first.
 */

interface Spot {
  readonly counter: number
  readonly key: string
}

interface Log {
  spots: Array<Spot>
  /** Spots before this one are taken. */
  first: number
}

/** What a writer had seen. */
interface Covering {
  readonly author: number
  covers(feed: number, counter: number): boolean
}

/** How much may be noted beyond what there was, before it is time to look what is still there. */
const slack = 64

export class HeadIndex {
  private readonly logs = new Map<number, Log>()
  private size = 0
  private sizeMax = slack
  private last: Covering | null = null

  /** What is noted so far is all that there is, in any order. */
  settle(): void {
    for (const { spots } of this.logs.values()) spots.sort((a, b) => a.counter - b.counter)
    this.sizeMax = 2 * this.size + slack
  }

  /** Whether most of it may be of heads that are gone. */
  get isOvergrown(): boolean {
    return this.size > this.sizeMax
  }

  /** A head of the feed comes to stand under the key, or somewhere below it. */
  note(feed: number, counter: number, key: string): void {
    const log = this.logs.get(feed)
    if (log === undefined) this.logs.set(feed, { spots: [{ counter, key }], first: 0 })
    else log.spots.push({ counter, key })
    this.size++
  }

  /** The keys under which there may be heads that are covered; they are forgotten, as whoever asks takes them. */
  take(seen: Covering): ReadonlySet<string> {
    const keys = new Set<string>()
    // what one change set has seen does not change, and since it asked last only its own heads can have come
    if (seen === this.last) this.takeOf(seen.author, seen, keys)
    else for (const feed of this.logs.keys()) this.takeOf(feed, seen, keys)
    this.last = seen
    return keys
  }

  private takeOf(feed: number, seen: Covering, keys: Set<string>): void {
    const log = this.logs.get(feed)
    if (log === undefined) return
    const { spots } = log
    let { first } = log
    for (; first < spots.length && seen.covers(feed, spots[first]!.counter); first++) keys.add(spots[first]!.key)
    this.size -= first - log.first
    if (first === spots.length) this.logs.delete(feed)
    else if (first * 2 > spots.length) log.spots = spots.slice(first)
    log.first = log.spots === spots ? first : 0
  }
}
