/**
 * How far this device's own writes, and everything else it stores, have come at other devices.
 *
 * It rests on acknowledgements alone: what was sent says nothing about what was stored. Of a device that is connected counts what it has
 * said since it connected, for its folder may have been put back meanwhile; of one that is away, what it said last. Lengths are of
 * feeds, in blocks; counters are dots of the own feed.
 */

/** What one device has acknowledged: lengths by feed text. It outlives its connection, up to the first word of the next. */
interface Device {
  acknowledged: Map<string, number>
  /** What was acknowledged before the device connected anew. */
  before: Map<string, number>
  readonly sent: Map<string, number>
  connections: number
}

export class Progress {
  private readonly devices = new Map<string, Device>()
  /** The own feed's counter at each length; counters[0] is 0. */
  private counters: Array<number> = [0]
  private ownFeed = ""

  /** The own feed, and its last counter at each of its lengths so far. */
  own(feed: string, counters: ReadonlyArray<number>): void {
    this.ownFeed = feed
    this.counters = [0, ...counters]
  }

  /** The own feed has `counter` as its last counter at this length. */
  wrote(length: number, counter: number): void {
    const last = this.counters[this.counters.length - 1]!
    while (this.counters.length < length) this.counters.push(last)
    this.counters[length] = counter
  }

  /** The last counter of the own feed at a length. */
  counterAt(length: number): number {
    return this.counters[Math.min(length, this.counters.length - 1)]!
  }

  private device(text: string): Device {
    let device = this.devices.get(text)
    if (device === undefined) {
      device = { acknowledged: new Map(), before: new Map(), sent: new Map(), connections: 0 }
      this.devices.set(text, device)
    }
    return device
  }

  /** A connection begins, on which the device will say anew what it has: until then nothing is known of it. */
  connected(text: string): void {
    const device = this.device(text)
    device.connections++
    if (device.acknowledged.size > 0) device.before = device.acknowledged
    device.acknowledged = new Map()
  }

  /** A connection ended. If nothing was said on it, what was said before still counts. */
  disconnected(text: string): void {
    const device = this.device(text)
    device.connections--
    if (device.acknowledged.size === 0) device.acknowledged = device.before
    if (device.connections === 0) device.before = new Map()
  }

  /**
   * The device said that it has stored so much of a feed. Lengths fall only when it takes back what it was last taken to have said: on
   * another of its connections it may be an old message.
   */
  acknowledge(device: string, feed: string, length: number, before = -1): void {
    const { acknowledged } = this.device(device)
    const known = acknowledged.get(feed) ?? -1
    if (known < length || known === before) acknowledged.set(feed, length)
  }

  /** Blocks of a feed were handed to a device up to this length. */
  handed(device: string, feed: string, length: number): void {
    const { sent } = this.device(device)
    if ((sent.get(feed) ?? 0) < length) sent.set(feed, length)
  }

  /** The devices that are connected now. */
  online(): ReadonlyArray<string> {
    return [...this.devices].flatMap(([text, device]) => (device.connections > 0 ? [text] : []))
  }

  /** The last own counter that was handed to anybody. */
  sent(): number {
    let length = 0
    for (const device of this.devices.values()) length = Math.max(length, device.sent.get(this.ownFeed) ?? 0)
    return this.counterAt(length)
  }

  /** For each device the last own counter that it has stored. */
  acknowledgedBy(): ReadonlyMap<string, number> {
    const counters = new Map<string, number>()
    for (const [text, device] of this.devices) {
      const length = device.acknowledged.get(this.ownFeed)
      if (length !== undefined) counters.set(text, this.counterAt(length))
    }
    return counters
  }

  /** Whether a device has acknowledged all of these lengths. */
  has(device: string, lengths: ReadonlyArray<readonly [string, number]>): boolean {
    const acknowledged = this.devices.get(device)?.acknowledged
    return (
      acknowledged !== undefined && lengths.every(([feed, length]) => length === 0 || (acknowledged.get(feed) ?? 0) >= length)
    )
  }

  /** How many devices have acknowledged all of these lengths. */
  count(lengths: ReadonlyArray<readonly [string, number]>): number {
    let count = 0
    for (const device of this.devices.keys()) if (this.has(device, lengths)) count++
    return count
  }
}
