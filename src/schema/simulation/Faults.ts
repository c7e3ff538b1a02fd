/**
 * Which faults a test is run under, and the plan of them for a seed.
 *
 * Swarm testing (Groce et al., ISSTA 2012): each seed has some kinds on and most off, since some hide what others would find, and draws how
 * often they happen. Each kind draws from a stream of its own, so that one kind more or less leaves the others as they are.
 */
import { type Fault, type Kind, kinds, type Left } from "./Fault.ts"
import { type Seed, type Stream, streamOf } from "./Seed.ts"

export interface Faults {
  readonly kinds: ReadonlyArray<Kind>
  /** Whether each seed has some of them on alone. */
  readonly isSwarm: boolean
  /** Seconds of trouble, in which they and the steps of the test happen. */
  readonly seconds: number
}

/** Seconds of trouble, unless said, for which the counts of faults are meant. */
const usualSeconds = 20

/** What holds on machines that keep their contracts: everything but disks that lie and devices that exist twice. */
const lawful = kinds.filter((kind) => !["sleep", "bitRot", "rollback", "clone", "corruptFrame"].includes(kind))

export const none: Faults = { kinds: [], isSwarm: false, seconds: usualSeconds }
/** Everything that well-kept machines and networks do. */
export const swarm: Faults = { kinds: lawful, isSwarm: true, seconds: usualSeconds }
/** That, and disks that were put back, that rot, devices that exist twice, frames that were changed, and minutes of sleep. */
export const hostile: Faults = { kinds, isSwarm: true, seconds: usualSeconds }
/** These alone, in every seed. */
export const only = (...chosen: ReadonlyArray<Kind>): Faults => ({ kinds: chosen, isSwarm: false, seconds: usualSeconds })
/** The same without these. */
export const without = (faults: Faults, ...left: ReadonlyArray<Kind>): Faults => ({
  ...faults,
  kinds: faults.kinds.filter((kind) => !left.includes(kind))
})
/** The same for another time of trouble. */
export const lasting = (faults: Faults, seconds: number): Faults => ({ ...faults, seconds })

/** Seldom on: what does so much harm that little else is seen beside it. */
const rare: ReadonlySet<Kind> = new Set(["sleep", "bitRot", "rollback", "clone", "corruptFrame"])
/** What finds most is on more often. */
const frequent: ReadonlySet<Kind> = new Set(["crashBeforeSync", "powerLoss", "slowDisk"])
/** Minutes of sleep have seeds of their own, which last so many seconds. */
const sleepySeconds = 600

/** A longer trouble has more faults of each kind, and no more than so many. */
const mostOfKind = 10
const mostOfRareKind = 4

/** How many faults of a kind there are, of so many in the usual time. The faults asked for decide: a night of sleep is quiet. */
const scaled = (count: number, kind: Kind, seconds: number): number =>
  Math.max(count, Math.min(Math.round((count * seconds) / usualSeconds), rare.has(kind) ? mostOfRareKind : mostOfKind))

/** Milliseconds from one beat to the next. */
const beats = [1, 1, 100, 500, 1_000]

/** In most seeds what happens happens at beats, steps and faults alike: much goes wrong only where two things meet. */
export const onBeat = (seed: Seed, millis: number): number => {
  const beat = streamOf(seed, "beat").pick(beats)
  return Math.floor(millis / beat) * beat
}

/** What a seed has on, and for how long. */
const chosen = (faults: Faults, seed: Seed): { readonly on: ReadonlyArray<Kind>; readonly seconds: number } => {
  const { isSwarm, seconds } = faults
  if (!isSwarm) return { on: faults.kinds, seconds: faults.kinds.includes("sleep") ? Math.max(seconds, sleepySeconds) : seconds }
  // few faults, some, or half of them
  const of = streamOf(seed, "swarm").pick([8, 3, 2, 2])
  const on = faults.kinds.filter((kind) => {
    const draw = streamOf(seed, "swarm", kind)
    if (rare.has(kind)) return draw.oneIn(kind === "sleep" ? 16 : 8)
    return frequent.has(kind) ? draw.oneIn(2) || draw.oneIn(of) : draw.oneIn(of)
  })
  return { on, seconds: on.includes("sleep") ? sleepySeconds : seconds }
}

/** The faults of a seed, in the order of time, and the seconds in which they happen. */
export const faultsOf = (
  faults: Faults,
  seed: Seed,
  peers: ReadonlyArray<string>
): { readonly events: ReadonlyArray<Fault>; readonly seconds: number } => {
  const { on, seconds } = chosen(faults, seed)
  const events = on.flatMap((kind) => {
    const draw = streamOf(seed, "fault", kind)
    const count = rare.has(kind) ? 1 + draw.below(kind === "sleep" ? 4 : 2) : 1 + draw.below(4)
    const all = Array.from({ length: scaled(count, kind, faults.seconds) }, (_, n) => {
      const fault = drawn(kind, `${kind}${n + 1}`, seconds * 1_000, draw, peers)
      return { ...fault, at: onBeat(seed, fault.at) }
    })
    return kind === "rollback" ? all.flatMap((fault) => [fault, ...startedAgain(fault, seed)]) : all
  })
  return { events: events.sort((a, b) => a.at - b.at), seconds }
}

const lefts: ReadonlyArray<typeof Left.Type> = ["kept", "lost", "cut", "torn"]

/** Backups are of an earlier life mostly: two of three times the peer was started once more since. */
const startedAgain = (rollback: Fault, seed: Seed): ReadonlyArray<Fault> => {
  const { at, id, lasts, peer } = rollback
  const draw = streamOf(seed, "fault", id, "started again")
  if (draw.oneIn(3)) return []
  return [{ id: `${id}crash`, at: at + draw.below(Math.floor(lasts / 2)), kind: "crash", peer, lasts: draw.below(300) }]
}

/** Short mostly, long sometimes. */
const pause = (draw: Stream): number => 200 + draw.below(draw.oneIn(3) ? 8_000 : 2_000)

const drawn = (kind: Kind, id: string, trouble: number, draw: Stream, peers: ReadonlyArray<string>): Fault => {
  // the last tenth is quiet: what happens then would change little
  const at = 200 + draw.below(Math.max(1, Math.floor(trouble * 0.9) - 200))
  const peer = draw.pick(peers)
  const other = peers[(peers.indexOf(peer) + 1 + draw.below(peers.length - 1)) % peers.length]!
  const fault = { id, at, kind, peer, lasts: pause(draw) }
  const momentary = { ...fault, lasts: 0 }
  switch (kind) {
    case "powerLoss":
    case "crashBeforeSync":
      return { ...fault, left: draw.pick(lefts) }
    case "restartStorm":
      return { ...fault, amount: 3 + draw.below(6) }
    case "sleep":
      return { ...fault, lasts: 60_000 + draw.below(240_000) }
    case "partition": {
      const side = peers.filter(() => draw.oneIn(2))
      return { ...fault, side: side.length === 0 ? [peer] : side.length === peers.length ? [...peers] : side }
    }
    case "partialPartition":
    case "oneWay":
    case "clog":
      return { ...fault, other }
    case "slowLink":
      return { ...fault, other, amount: 200 + draw.below(2_000) }
    case "corruptFrame":
      return { ...momentary, other, amount: 1 + draw.below(4) }
    case "reset":
    case "bitRot":
    case "signalingForget":
      return momentary
    case "signalingSlow":
      return { ...fault, amount: 200 + draw.below(3_000) }
    case "signalingCareless":
      return { ...fault, lasts: 2 * fault.lasts, amount: 2 + draw.below(4) }
    case "slowDisk":
      return { ...fault, lasts: 2 * fault.lasts, amount: 50 + draw.below(800) }
    case "rollback":
      return { ...fault, lasts: 1_000 + draw.below(Math.max(1, Math.floor(trouble * 0.4))) }
    case "clone":
      return { ...momentary, other: `${peer}~` }
    case "clockSkew":
      return { ...fault, amount: signed(draw, 300_000) }
    case "clockDrift":
      return { ...fault, lasts: 3 * fault.lasts, amount: signed(draw, 50_000) }
    case "clockJump":
      return { ...momentary, amount: signed(draw, 7_200_000) }
    default:
      return fault
  }
}

const signed = (draw: Stream, most: number): number => (draw.oneIn(2) ? 1 : -1) * (1 + draw.below(most))
