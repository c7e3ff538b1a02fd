/**
 * Reports to draw: a shrunk failure of three peers, and a busy one of several under trouble, made from numbers alone.
 */
import type { Report } from "../../src/schema/simulation/Diagram.ts"
import { type Stream, streamOf } from "../../src/schema/simulation/Seed.ts"

export const reportOf = (lines: ReadonlyArray<string>, over: Partial<Report> = {}): Report => ({
  title: "no acknowledged write is lost",
  seed: "7",
  peers: ["ann", "bob", "cy"],
  lines,
  failure: null,
  plan: [],
  shrunkFrom: null,
  replay: "npx vitest run",
  trace: "a8376d5e013d1811",
  ...over
})

/** Lines in any order, which are sorted by time in the end, as a world writes them. */
export class Lines {
  private readonly lines: Array<{ readonly at: number; readonly text: string }> = []
  private readonly numbers = new Map<string, number>()
  private readonly draws: Stream

  constructor(seed: string) {
    this.draws = streamOf(seed, "lines")
  }

  draw(below: number): number {
    return this.draws.below(below)
  }

  /** At so many milliseconds. */
  say(at: number, text: string): this {
    this.lines.push({ at: Math.round(at * 1_000), text })
    return this
  }

  /** A packet that is sent then, and arrives when the network pleases; answers when. */
  packet(sent: number, from: string, to: string, bytes: number): number {
    const wire = from < to ? `${from}>${to}#1` : `${to}>${from}#1`
    const number = this.numbers.get(`${wire} ${from}`) ?? 0
    this.numbers.set(`${wire} ${from}`, number + 1)
    const at = sent + 8 + this.draw(12_000) / 1_000
    this.say(at, `packet ${wire} ${from} ${to} ${number} ${bytes} ${this.draw(1_000_000)} ${Math.round(sent * 1_000)}`)
    return at
  }

  all(): ReadonlyArray<string> {
    return [...this.lines].sort((a, b) => a.at - b.at).map(({ at, text }) => `${at} ${text}`)
  }
}

/** A write at one peer, which goes to all others that can be reached. */
const spread = (
  lines: Lines,
  at: number,
  by: string,
  others: ReadonlyArray<string>,
  bytes: number,
  isReached: (other: string) => boolean = () => true
): void => {
  for (const other of others.filter(isReached)) {
    const there = lines.packet(at, by, other, bytes)
    lines.say(there + 3.1, `write ${other} 2 ${bytes + 80} strict`)
    lines.packet(there + 4, other, by, 73)
  }
}

const greet = (lines: Lines, peers: ReadonlyArray<string>): void => {
  for (const peer of peers) lines.say(0, `boot ${peer} 1`).say(2 + lines.draw(3_000) / 1_000, `write ${peer} 1 71 strict`)
  peers.forEach((one, i) => {
    for (const other of peers.slice(i + 1)) {
      lines.say(190 + i * 7, `open ${one}>${other}#1`)
      for (const [from, to] of [
        [one, other],
        [other, one]
      ] as const)
        lines.packet(194 + i * 7 + lines.draw(20), from, to, 75)
    }
  })
}

/** A write that is acknowledged before it is durable, and the power goes. */
export const shrunk = (): Report => {
  const peers = ["ann", "bob", "cy"]
  const lines = new Lines("shrunk")
  greet(lines, peers)
  for (let at = 5_000; at < 24_000; at += 5_000)
    for (const peer of peers)
      for (const other of peers)
        if (peer !== other && !(at === 20_000 && (peer === "cy" || other === "cy")))
          lines.packet(at + lines.draw(30), peer, other, 8)
  lines
    .say(3_000, "step w3 ann append v3")
    .say(3_004.2, "write ann 1 212 strict")
    .say(3_004.3, "acknowledged ann v3")
    .say(3_004.4, "did w3 ok")
  spread(lines, 3_005, "ann", ["bob", "cy"], 288)
  lines.say(18_000, "fault f0 crashSync cy at its next sync, disk: lost")
  lines
    .say(19_000, "step w27 cy append v27")
    .say(19_000.4, "write cy 1 214 relaxed")
    .say(19_000.9, "acknowledged cy v27")
    .say(19_001, "did w27 ok")
  for (const [at, other] of [
    [19_001.2, "ann"],
    [19_001.6, "bob"]
  ] as const)
    lines.packet(at, "cy", other, 288)
  lines.say(19_003.1, "crash cy machine lost 1")
  lines.say(19_003.4, "reset ann>cy#1 unknown there").say(19_003.4, "reset bob>cy#1 unknown there")
  lines.say(19_009, "log ann Warn the connection to cy is gone")
  lines.say(21_858.2, "boot cy 2").say(21_858.2, "mended f0")
  lines.say(21_861, "write cy 1 5 strict")
  lines.say(21_930, "open ann>cy#2").say(21_936, "open bob>cy#2")
  for (const other of ["ann", "bob"]) {
    const there = lines.packet(21_940, "cy", other, 75)
    lines.packet(there + 1, other, "cy", 75)
    lines.packet(there + 2, other, "cy", 345)
  }
  lines.say(21_990, "calm")
  lines.say(24_200, "violated durable cy acknowledged cy:1=v27 is missing at cy")
  return reportOf(lines.all(), {
    plan: [
      { at: 3_000, peer: "ann", kind: "append", text: "v3" },
      { at: 18_000, peer: "cy", kind: "crashSync", text: "at its next sync, disk: lost, 2.86 s" },
      { at: 19_000, peer: "cy", kind: "append", text: "v27" }
    ],
    failure: { check: "durable", says: "acknowledged cy:1=v27 is missing at cy", peer: "cy", micros: 24_200_000 },
    shrunkFrom: 56,
    replay: 'SEED=7 PLAN=simulation/no-acknowledged-write-is-lost-7.json npx vitest run -t "no acknowledged write is lost"'
  })
}

/** Everything at once: writes of all, a partition, a crash, a frozen laptop, disks that are full and slow. */
export const busy = (count: number): Report => {
  const peers = ["ann", "bob", "cy", "dee", "eve", "finn", "gus"].slice(0, count)
  const [ann = "", bob = "", cy = ""] = peers
  const others = (peer: string) => peers.filter((other) => other !== peer)
  const last = peers.at(-1)!
  const isUp = (at: number, peer: string) =>
    !(peer === last && at > 7_380 && at < 8_620) && !(peer === cy && at > 2_880 && at < 4_020)
  const isReached = (at: number, one: string, other: string) =>
    isUp(at, one) &&
    isUp(at, other) &&
    !(one === bob && other === cy && at > 5_070 && at < 7_000) &&
    !(at > 2_060 && at < 4_300 && [ann, bob].includes(one) !== [ann, bob].includes(other))
  const lines = new Lines(`busy ${count}`)
  greet(lines, peers)
  for (const peer of peers) lines.packet(60, peer, "kube", 64)
  for (let at = 400; at < 9_600; at += 3_000)
    for (const peer of peers)
      for (const other of others(peer)) {
        const sent = at + lines.draw(400)
        if (isReached(sent, peer, other)) lines.packet(sent, peer, other, 8)
      }
  // each step is two messages with each other peer
  const most = Math.ceil(440 / (2 * (count - 1)))
  const steps = Array.from({ length: most }, (_, i) => ({
    at: 600 + Math.floor((i * 8_400) / most) + lines.draw(100),
    peer: peers[lines.draw(count)]!,
    i
  })).filter(({ at, peer }) => isUp(at, peer))
  for (const { at, i, peer } of steps) {
    lines.say(at, `step w${i} ${peer} append v${i}`)
    if (peer === bob && at > 5_000 && at < 6_400) {
      lines.say(at + 12, `did w${i} FlushFailed`)
      continue
    }
    lines.say(at + 3, `write ${peer} 2 ${300 + i} ${i % 4 === 3 ? "relaxed" : "strict"}`)
    lines.say(at + 5, `acknowledged ${peer} v${i}`).say(at + 5.2, `did w${i} ok`)
    spread(lines, at + 5.5, peer, others(peer), 240 + lines.draw(900), (other) => isReached(at, peer, other))
  }
  lines.say(2_100, `fault f1 partition - partition ${ann} ${bob} | ${peers.slice(2).join(" ")} kube`)
  lines.say(2_100, `partition ${ann}+${bob}|${[...peers.slice(2), "kube"].join("+")}`)
  lines.say(4_300, "heal").say(4_300, "mended f1")
  lines
    .say(2_900, `fault f2 freeze ${cy} freeze for 1.1 s`)
    .say(2_900, `freeze ${cy}`)
    .say(4_000, `thaw ${cy}`)
    .say(4_000, "mended f2")
  lines
    .say(5_000, `full ${bob} true`)
    .say(6_400, `full ${bob} false`)
    .say(5_200, `slowdisk ${ann} 300`)
    .say(6_900, `slowdisk ${ann} 0`)
  lines.say(5_100, `cut ${bob} ${cy}`).say(7_000, "heal")
  lines.say(7_400, `fault f3 powerLoss ${last} torn, 1.2 s`).say(7_400, `crash ${last} machine torn 3`)
  lines.say(8_600, `boot ${last} 2`).say(8_600, "mended f3")
  lines
    .say(7_500, `console ${bob} <b>who</b> is there & where?`)
    .say(7_600, `log ${ann} Error could not write: the disk is full, and this goes on for far longer than a label has room`)
  lines.say(9_000, "calm")
  lines.say(
    9_800,
    `violated converged ${bob} ${bob} has 3f9a…c2 and ${ann} has 77b0…19, 30.0 s after all had healed: v12 is missing at ${bob}`
  )
  return reportOf(lines.all(), {
    title: `everybody comes to one state, ${count} peers`,
    peers,
    plan: steps.map(({ at, i, peer }) => ({ at, peer, kind: "append", text: `v${i}` })),
    failure: {
      check: "converged",
      says: `${bob} has 3f9a…c2 and ${ann} has 77b0…19, 30.0 s after all had healed: v12 is missing at ${bob}`,
      peer: bob,
      micros: 9_800_000
    },
    replay: 'SEED=7 npx vitest run -t "everybody comes to one state"'
  })
}
