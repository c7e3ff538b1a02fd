/**
 * What the lines of a trace mean: where each belongs, what it says in words, and which mark it has.
 *
 * The timeline and the diagram both tell from these, so that they cannot tell two stories.
 */
import { bytesOf, counted, durationOf, type Report, secondsOf } from "./Report.ts"
import { nodesOf, parseLine, type TraceLine } from "./TraceLine.ts"

/** How much of a kind is shown is decided by its sort; an `event` is what was planned, or befalls a peer. */
export type Sort = "packet" | "link" | "write" | "note" | "step" | "event"
export type Tone = "plain" | "good" | "bad" | "warn"
export type Mark = "boot" | "crash" | "close" | "strict" | "relaxed" | "ack" | "step" | "note" | "state" | "violated" | "none"

/** From one node to another: a packet, or the beginning or end of a connection. */
export interface Hop {
  readonly from: string
  readonly to: string
  readonly sent: number
  readonly bytes: number
}

export interface TraceEvent extends TraceLine {
  readonly sort: Sort
  /** The peer it happens on; `null` for what concerns the world. */
  readonly peer: string | null
  /** What it says, to be read after the peer's name. */
  readonly says: string
  /** The same where the peer is clear, and room is short. */
  readonly short: string
  readonly tone: Tone
  readonly mark: Mark
  readonly hop: Hop | null
}

/** Packets of up to so many bytes keep a connection alive or say who is there; they carry no data. */
const smallBytesMax = 64

/** The peers of a world, and after them those that were cloned while it ran. */
export const peersOf = ({ lines, peers }: Report): ReadonlyArray<string> => {
  const clones = lines.flatMap((line) => / clone \S+ (\S+)$/.exec(line)?.[1] ?? [])
  return [...new Set([...peers, ...clones])]
}

export const isSmall = ({ hop }: TraceEvent): boolean => hop !== null && hop.bytes <= smallBytesMax

/** The events of a report in order, up to its failure. The failure is the last one, whether a line says so or not. */
export const eventsOf = (report: Report): ReadonlyArray<TraceEvent> => {
  const { failure } = report
  const reader = new Reader(peersOf(report))
  const lines = report.lines
    .map(parseLine)
    .filter(({ at, kind }) => failure === null || (at <= failure.micros && kind !== "violated"))
  const events = lines
    .filter((line) => reader.changes(line))
    .map((line) => reader.read(line))
    .sort((a, b) => a.at - b.at)
  if (failure === null) return events
  const { check, micros, peer, says } = failure
  return [...events, reader.read({ at: micros, kind: "violated", details: [check, peer ?? "-", says] })]
}

type Words = Pick<TraceEvent, "says"> & Partial<Omit<TraceEvent, "at" | "kind" | "details">>
type Tell = (details: ReadonlyArray<string>, rest: (from: number) => string) => Words | null

/** Knows which step and which fault an id stands for. */
class Reader {
  private readonly peers: ReadonlySet<string>
  private readonly hindrances = new Set<string>()
  private readonly begun = new Map<string, { readonly peer: string | null; readonly text: string }>()

  constructor(peers: ReadonlyArray<string>) {
    this.peers = new Set(peers)
  }

  /** Whether a line does more than undo a hindrance that was not there: who heals a world undoes them all. */
  changes({ details, kind }: TraceLine): boolean {
    const [on = "", how = ""] = details
    const isOn = kind === "freeze" || (kind === "full" && how === "true") || (kind === "slowdisk" && Number(how) > 0)
    if (!isOn && !["thaw", "full", "slowdisk"].includes(kind)) return true
    const hindrance = `${kind === "thaw" ? "freeze" : kind} ${on}`
    if (!isOn) return this.hindrances.delete(hindrance)
    this.hindrances.add(hindrance)
    return true
  }

  read(line: TraceLine): TraceEvent {
    const { details, kind } = line
    const rest = (from: number): string => details.slice(from).join(" ").replace(/\s+/g, " ").trim()
    const words =
      (Object.hasOwn(this.planned, kind) ? this.planned[kind]!(details, rest) : this.told(line, rest)) ?? this.noted(line)
    const known = { sort: "event", peer: null, tone: "plain", mark: "state", hop: null, short: words.says } as const
    return { ...line, ...known, ...words }
  }

  private told({ at, details, kind }: TraceLine, rest: (from: number) => string): Words | null {
    if (kind === "packet") return packet(at, details)
    if (["open", "reset", "end"].includes(kind)) return link(at, kind, details[0] ?? "", rest(kind === "end" ? 2 : 1))
    if (Object.hasOwn(network, kind)) {
      const isOver =
        ["heal", "mend", "unclog"].includes(kind) || details[0] === "up" || (kind !== "corrupt" && details.at(-1) === "0")
      return { says: network[kind]!(details, rest), mark: "none", tone: isOver ? "good" : "warn" }
    }
    const found = Object.hasOwn(onPeers, kind) ? onPeers[kind]!(details, rest) : null
    return found === null ? null : this.peers.has(details[0] ?? "") ? { peer: details[0]!, ...found } : null
  }

  /** What this file does not know: a note of the test's, on the lane of the peer that it names first. */
  private noted({ details, kind }: TraceLine): Words {
    const [first = ""] = details
    const isOnPeer = this.peers.has(first)
    const says = `${kind} ${details.slice(isOnPeer ? 1 : 0).join(" ")}`.replace(/\s+/g, " ").trim()
    return { sort: "note", mark: "note", peer: isOnPeer ? first : null, says }
  }

  private readonly planned: { readonly [kind: string]: Tell } = {
    fault: ([id = "", kind = "", on = "-"], rest) => {
      const peer = this.peers.has(on) ? on : null
      const text = rest(3) === "" ? kind : rest(3).startsWith(kind) ? rest(3) : `${kind}: ${rest(3)}`
      const says = peer === null || text.includes(peer) ? text : `${text} (${peer})`
      this.begun.set(id, { peer: null, text: says })
      return { says: `fault: ${says}`, short: says, tone: "warn", mark: "none" }
    },
    mended: ([id = ""]) => ({ says: `over: ${this.begun.get(id)?.text ?? id}`, tone: "good", mark: "none" }),
    step: ([id = "", on = ""], rest) => {
      const peer = this.peers.has(on) ? on : null
      this.begun.set(id, { peer, text: rest(2) })
      return { sort: "step", peer, says: `begins ${rest(2)}`, short: rest(2), mark: "step" }
    },
    did: ([id = ""], rest) => {
      const { peer, text } = this.begun.get(id) ?? { peer: null, text: id }
      const isOk = rest(1) === "ok"
      return {
        sort: "step",
        peer,
        says: isOk ? `has done ${text}` : `fails to ${text}: ${rest(1)}`,
        short: isOk ? "" : rest(1),
        tone: isOk ? "good" : "bad",
        mark: "none"
      }
    },
    violated: ([check = "", on = "-"], rest) => ({
      peer: this.peers.has(on) ? on : null,
      says: `violates ${check}: ${rest(2)}`,
      short: `${check}: ${rest(2)}`,
      tone: "bad",
      mark: "violated"
    }),
    calm: () => ({ says: "calm: every fault is over", tone: "good", mark: "none" })
  }
}

const packet = (
  at: number,
  [wire = "", from = "", to = "", number = "", bytes = "", , sent = ""]: ReadonlyArray<string>
): Words | null => {
  if (!/^\d+$/.test(bytes) || !/^\d+$/.test(sent)) return null
  const took = durationOf(at - Number(sent))
  const says = `packet ${from}→${to}, ${bytesOf(Number(bytes))}`
  return {
    sort: "packet",
    hop: { from, to, sent: Math.min(Number(sent), at), bytes: Number(bytes) },
    says,
    short: `${says}, number ${number} of ${wire}, sent ${secondsOf(Number(sent))}, took ${took}`,
    mark: "none"
  }
}

const link = (at: number, kind: string, wire: string, why: string): Words | null => {
  const nodes = nodesOf(wire)
  if (nodes === null) return null
  const [from, to] = nodes
  const verb = kind === "open" ? "opens" : kind === "reset" ? "is reset" : "ends"
  const says = `connection ${from}–${to} ${verb}${why === "" ? "" : `: ${why}`}`
  return { sort: "link", hop: { from, to, sent: at, bytes: 0 }, says, tone: kind === "reset" ? "bad" : "plain", mark: "none" }
}

const network: { readonly [kind: string]: (details: ReadonlyArray<string>, rest: (from: number) => string) => string } = {
  partition: (_, rest) => `partition ${rest(0).replaceAll("+", " ").split("|").join(" | ")}`,
  cut: ([from, to]) => `cut ${from} → ${to}`,
  part: ([one, other]) => `part ${one} | ${other}`,
  clog: ([from, to]) => `clog ${from} → ${to}`,
  mend: ([from = "", to = ""]) => `the way from ${from} to ${to} is open`,
  unclog: ([from, to]) => `unclog ${from} → ${to}`,
  heal: () => "all links heal",
  slow: ([from, to, millis]) => (Number(millis) > 0 ? `slow ${from} → ${to}, ${millis} ms more` : `${from} → ${to} fast again`),
  corrupt: ([from, to, n]) => `corrupt ${counted(Number(n), "packet")} ${from} → ${to}`,
  signaling: ([how = "", much], rest) => {
    if (how === "careless") return Number(much) > 0 ? `signaling loses or doubles one in ${much}` : "signaling careful again"
    return how === "slow"
      ? Number(much) > 0
        ? `signaling slow, ${much} ms more`
        : "signaling fast again"
      : `signaling ${rest(0)}`
  }
}

const onPeers: { readonly [kind: string]: Tell } = {
  boot: ([, life]) => ({ says: `boots, life ${life}`, mark: "boot", tone: "good" }),
  unbooted: (_, rest) => ({ says: `does not boot: ${rest(1)}`, mark: "crash", tone: "bad" }),
  crash: ([, how, left], rest) => {
    const lost = Number(rest(2).split(" ").at(-1))
    const disk = left === undefined || left === "" ? "" : `, disk ${left}`
    const says = how === "machine" ? `loses power${disk}` : "crashes"
    return { says: `${says}${lost > 0 ? `, ${counted(lost, "write")} lost` : ""}`, mark: "crash", tone: "bad" }
  },
  close: ([, left]) => ({
    says: Number(left) > 0 ? `closes, ${left} left running` : "closes",
    mark: "close",
    tone: Number(left) > 0 ? "bad" : "plain"
  }),
  freeze: () => ({ says: "freezes", tone: "warn" }),
  thaw: () => ({ says: "thaws", tone: "good" }),
  full: ([, isFull]) => (isFull === "true" ? { says: "disk full", tone: "warn" } : { says: "disk has room", tone: "good" }),
  slowdisk: ([, millis]) =>
    Number(millis) > 0 ? { says: `disk slow, ${millis} ms more`, tone: "warn" } : { says: "disk fast again", tone: "good" },
  write: ([, changes, bytes, how]) => ({
    sort: "write",
    says: `writes ${changes}, ${bytesOf(Number(bytes))}, ${how}`,
    mark: how === "strict" ? "strict" : "relaxed"
  }),
  backup: () => ({ says: "disk copied" }),
  restore: ([, how]) => ({ says: `disk set back${how === "machine" ? ", and its count of starts" : ""}`, tone: "warn" }),
  rot: ([, key]) => ({ says: key === "nothing" ? "nothing on disk to rot" : `disk rots at ${key}`, tone: "warn" }),
  clock: ([, how, first = "-", drift = "-"], rest) => {
    const off = first === "-" ? "" : ` ${durationOf(Number(first) * 1_000)}`
    if (how === "jump") return { says: `clock jumps${off}`, tone: "warn" }
    if (how !== "set") return { says: `clock ${rest(1)}`, tone: "warn" }
    const drifts = drift === "-" ? "" : ` drifting ${drift} ppm`
    return { says: `clock${off === "" ? "" : `${off} off`}${drifts}`, tone: "warn" }
  },
  clone: ([, as]) => ({ says: `cloned as ${as}`, tone: "warn" }),
  log: ([, level = ""], rest) => ({
    sort: "note",
    mark: "note",
    says: `${level.toLowerCase()}: ${rest(2)}`,
    tone: /^(error|fatal)$/i.test(level) ? "bad" : /^warn/i.test(level) ? "warn" : "plain"
  }),
  console: (_, rest) => ({ sort: "note", mark: "note", says: `says ${rest(1)}` }),
  acknowledged: (_, rest) => ({
    sort: "step",
    says: `acknowledged ${rest(1)}`,
    short: `ack ${rest(1)}`,
    mark: "ack",
    tone: "good"
  })
}
