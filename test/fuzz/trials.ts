/**
 * One mutant after the other through the product, judged by the second opinion.
 *
 * A store that has refused is used again, since nothing in it may have changed; one that has accepted is audited, delivered in two
 * orders, opened anew, and replaced.
 */
import { equal } from "./cbor.ts"
import { say } from "./connection.ts"
import { deliver } from "./content.ts"
import { type Base, dataOfC, devices, feedC, frames, space } from "./corpus.ts"
import { type Delivered, Device, type Outcome, offerTicket } from "./product.ts"
import { hex, readTicket } from "./verifier.ts"
import { audit, type Entry, judge, type Verdict, type World } from "./world.ts"

export interface Mutant {
  readonly mutator: string
  readonly frame: Uint8Array
  /** Where it is offered; a ticket is offered nowhere. */
  readonly base: Base | "ticket"
}

export interface Trial {
  /** What became of it: the error's name, or how far it got. */
  readonly outcome: string
  readonly wrong: ReadonlyArray<string>
  readonly milliseconds: number
  readonly bytes: number
}

interface Store {
  readonly device: Device
  readonly dump: ReadonlyArray<Entry>
  readonly world: World
}

const entriesOf = new Map<Base, ReadonlyArray<Entry>>()

/** A new device, on a copy of what one has stored that took the frames of the base. */
const storeOf = (base: Base): Store => {
  const entries = entriesOf.get(base) ?? Device.taking(frames[base]).dump()
  entriesOf.set(base, entries)
  const device = Device.of(entries)
  const dump = device.dump()
  return { device, dump, world: audit(dump, space, devices) }
}

const isSame = (a: ReadonlyArray<Entry>, b: ReadonlyArray<Entry>): boolean =>
  a.length === b.length && a.every(({ key, value }, i) => equal(key, b[i]!.key) && equal(value, b[i]!.value))

const idOfC = hex(feedC.publicKey)

/** Bytes in use, on the heap and beside it. */
const inUse = (): number => {
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

const millisecondsMax = 50
const bytesMax = 16 * 2 ** 20
const attemptsMax = 4

export class Trials {
  private readonly stores = new Map<Base, Store>()

  private store(base: Base): Store {
    const store = this.stores.get(base) ?? storeOf(base)
    this.stores.set(base, store)
    return store
  }

  /** A slow or hungry run is repeated: what the machine did beside it, or a collection of garbage, is not the mutant's fault. */
  try(mutant: Mutant): Trial {
    let trial = this.once(mutant)
    for (let n = 1; n < attemptsMax && (trial.milliseconds > millisecondsMax || trial.bytes > bytesMax); n++) {
      const again = this.once(mutant)
      const [milliseconds, bytes] = [Math.min(trial.milliseconds, again.milliseconds), Math.min(trial.bytes, again.bytes)]
      trial = { ...again, milliseconds, bytes }
    }
    const wrong = [...trial.wrong]
    if (trial.milliseconds > millisecondsMax) wrong.push(`it takes ${trial.milliseconds} ms`)
    if (trial.bytes > bytesMax) wrong.push(`it takes ${trial.bytes} bytes`)
    return { ...trial, wrong }
  }

  private once(mutant: Mutant): Trial {
    return mutant.base === "ticket" ? ticketTrial(mutant) : this.frameTrial(mutant, mutant.base)
  }

  private frameTrial({ frame }: Mutant, base: Base): Trial {
    const { device, dump, world } = this.store(base)
    const verdict = judge(frame, world)
    const wrong: Array<string> = []
    let closed: string | null = null
    let delivered: Delivered | null = null
    const measured = measure(() => {
      const outcome = device.offer(frame)
      closed = say(device, frame, outcome)
      if (outcome.accepted) delivered = device.deliver(false)
      return outcome
    })
    const { outcome } = measured
    if (!outcome.isTyped) wrong.push(`untyped: ${outcome.name}`)
    if (outcome.accepted && !verdict.accepts) wrong.push(`accepted wrongly: ${verdict.reason}`)
    if (!outcome.accepted && verdict.accepts) wrong.push(`refused wrongly as ${outcome.name}`)
    if (closed !== null) wrong.push(closed)
    const after = device.dump()
    if (isSame(dump, after)) {
      const isChangeDue = verdict.accepts && verdict.adds > 0
      if (isChangeDue) wrong.push("accepted, and not stored")
      return { ...measured, outcome: outcome.accepted ? "accepted" : outcome.name, wrong }
    }
    this.stores.delete(base)
    const name = this.changed(device, after, { world, verdict, outcome, delivered, wrong })
    device.close()
    return { ...measured, outcome: name, wrong }
  }

  /** Something was stored. Answers what became of it. */
  private changed(
    device: Device,
    after: ReadonlyArray<Entry>,
    {
      delivered,
      outcome,
      verdict,
      world,
      wrong
    }: { world: World; verdict: Verdict; outcome: Outcome; delivered: Delivered | null; wrong: Array<string> }
  ): string {
    if (!outcome.accepted && !(verdict.accepts === false && verdict.change === "fork"))
      wrong.push("refused, and the storage changed")
    const stored = attempt(() => audit(after, space, devices), wrong)
    if (stored === null) return outcome.name
    const count = (each: World) => [...each.feeds.values()].reduce((sum, { blocks }) => sum + blocks.length, 0)
    const adds = verdict.accepts ? verdict.adds : 0
    if (count(stored) !== count(world) + adds) wrong.push(`${count(stored) - count(world)} blocks were stored, and not ${adds}`)
    const name = outcome.accepted && adds > 0 && delivered !== null ? fateOf(delivered, world) : outcome.name
    attempt(() => goesOn(device, delivered, wrong), wrong)
    return name
  }
}

const attempt = <A>(what: () => A, wrong: Array<string>): A | null => {
  try {
    return what()
  } catch (error) {
    wrong.push(String(error))
    return null
  }
}

/** What the mutated feed came to: the one that has more blocks than in the base. */
const fateOf = ({ progress }: Delivered, world: World): string => {
  for (const [feed, { flags, length, stuck }] of progress) {
    if (feed === idOfC) continue
    if (stuck === "version") return "stopped"
    if (flags > 0) return "opaque"
    if (length > (world.feeds.get(feed)?.blocks.length ?? 0)) return "delivered"
    if (stuck === "deps" && world.feeds.has(feed)) return "waits"
  }
  return "delivered"
}

/** The other feed goes on, replicas agree whatever the order, and the space opens again as it was. */
const goesOn = (device: Device, before: Delivered | null, wrong: Array<string>): void => {
  const other = device.offer(dataOfC)
  if (!other.accepted) wrong.push(`the other feed is refused: ${other.name}`)
  const [straight, reversed] = [device.deliver(false), device.deliver(true)]
  if (straight.hash !== reversed.hash) wrong.push("two orders come to two states")
  if (!isEqual(straight.progress, reversed.progress)) wrong.push("two orders come to two places")
  if (straight.progress.get(idOfC)?.length !== 2) wrong.push("the other feed is not delivered")
  if (before?.hash === straight.hash) wrong.push("the other feed changes nothing")
  const isStopped = (feed: string, index: number) => {
    const { length, stuck } = straight.progress.get(feed)!
    return stuck === "version" && length === index
  }
  const expected = deliver(device.blocks(), isStopped)
  for (const [feed, progress] of expected) {
    const found = straight.progress.get(feed)
    if (!isEqual(progress, found)) wrong.push(`delivered as ${JSON.stringify(found)}, and not as ${JSON.stringify(progress)}`)
  }
  const dump = device.dump()
  const opened = device.reopen()
  const again = opened.deliver(true)
  if (again.hash !== straight.hash || !isEqual(again.progress, straight.progress)) wrong.push("it opens as another state")
  // a start is counted whenever a store is opened; all else stays
  const besides = (entries: ReadonlyArray<Entry>) => entries.filter(({ key }) => key[0] !== 2)
  if (!isSame(besides(dump), besides(opened.dump()))) wrong.push("opening changes what is stored")
  opened.close()
}

const isEqual = (a: unknown, b: unknown): boolean => plainly(a) === plainly(b)
const plainly = (value: unknown): string =>
  JSON.stringify(value instanceof Map ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : value)

const ticketTrial = ({ frame }: Mutant): Trial => {
  const text = new TextDecoder().decode(frame)
  const measured = measure(() => offerTicket(text))
  const { outcome } = measured
  const isTicket = readTicket(text) !== null
  const wrong: Array<string> = []
  if (!outcome.isTyped) wrong.push(`untyped: ${outcome.name}`)
  if (outcome.accepted !== isTicket) wrong.push(outcome.accepted ? "accepted wrongly" : `refused wrongly as ${outcome.name}`)
  return { ...measured, outcome: outcome.name, wrong }
}

const measure = (what: () => Outcome) => {
  const before = inUse()
  const start = performance.now()
  let outcome: Outcome
  try {
    outcome = what()
  } catch (error) {
    outcome = { accepted: false, name: String(error instanceof Error ? error.stack : error), isTyped: false }
  }
  return { outcome, milliseconds: performance.now() - start, bytes: Math.max(0, inUse() - before) }
}
