/**
 * Several people write into one space, offline and online, while everything that can break does; then all heals, and all must agree.
 *
 * What is checked is told at docs/simulation.md ("Seeds of a scenario"). A peer whose disk rots, and one whose disk was put back, keep
 * less than others promise: what still has to hold of them stands at each check.
 */
import { createHash } from "node:crypto"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as EffectStream from "effect/Stream"
import { Naive } from "../../../demo/naive.ts"
import { standing } from "../../../src/layers/simulation/WorldStanding.ts"
import { decodeTicket } from "../../../src/schema/echo/Space.ts"
import type { Fault } from "../../../src/schema/simulation/Fault.ts"
import { hostile } from "../../../src/schema/simulation/Faults.ts"
import type { Space } from "../../../src/services/echo/SpaceService.ts"
import { Peer } from "../../../src/services/peer/Peer.ts"
import * as Simulation from "../../../src/services/simulation/Simulation.ts"
import type { Shared, Trial } from "../../../src/services/simulation/Trial.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"
import { changesOn, type Found, lengthsOn } from "./feeds.ts"
import { Ledger } from "./Ledger.ts"
import { End } from "./ReplicationEnd.ts"
import { Followed } from "./ReplicationQuery.ts"
import { Receipts } from "./ReplicationReceipts.ts"
import { Sight } from "./ReplicationSight.ts"
import { carryOut, changesOf, type Doing, Note, severalOf, talkOf, type Writes, workload } from "./ReplicationSteps.ts"

/** Virtual seconds in which all must have come to one state when everything has healed: nobody has slept, rotted or been two; and else. */
const convergeSeconds = { usual: 45, rare: 150 }

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(bytes).digest())

class Replication {
  private readonly ledger = new Ledger()
  private readonly receipts = new Receipts(this.ledger)
  private readonly trial: Trial<Doing>
  readonly sight: Sight
  private readonly followed: Followed
  private shared!: Shared
  private readonly devices = new Map<string, string>()
  /** Those whose disk has not rotted, once all has healed: what rots is found by an audit, and nothing more is promised of it. */
  private readonly sound: Array<SimulatedPeer> = []

  constructor(trial: Trial<Doing>) {
    this.trial = trial
    this.sight = new Sight(trial, this.ledger, this.devices)
    this.followed = new Followed(trial, this.sight)
  }

  readonly run = Effect.gen({ self: this }, function* () {
    const { trial } = this
    yield* this.begin
    const scope = yield* Effect.scope
    for (const peer of trial.peers) {
      yield* Effect.forkIn(this.followed.follow(peer, this.shared), scope)
      yield* Effect.forkIn(this.look(peer), scope)
    }
    this.sight.began = yield* trial.seconds
    yield* trial.play((step, peer) => this.perform(step, peer))
    yield* this.findSound
    yield* Effect.sleep("1 second")
    yield* this.converge
    // proofs of a fork may still be on their way when nobody misses a block
    if (this.sight.mayFork()) yield* Effect.andThen(Effect.sleep("20 seconds"), this.converge)
    yield* this.check
  }).pipe(Effect.scoped)

  crashed(peer: string, fault: Fault): void {
    const { at, kind } = fault
    this.followed.crashed(peer)
    // what was put back is what was durable
    if (["powerLoss", "crashBeforeSync", "rollback"].includes(kind)) this.receipts.lostPower(peer)
    if (kind !== "rollback") return
    this.sight.putBack(fault)
    this.ledger.putBack(peer, this.sight.began + at / 1_000)
  }

  private readonly begin = Effect.gen({ self: this }, function* () {
    const { trial } = this
    for (const peer of trial.peers) this.devices.set(peer.name, yield* peer.run(Effect.map(Peer, ({ device }) => device)))
    this.ledger.intend({ peer: trial.peers[0]!.name, life: 1, isStrict: false, steps: [{ do: "space", name: "Notes" }] })
    this.shared = yield* trial.together("Notes")
    this.sight.space = new Uint8Array(Result.getOrThrow(decodeTicket(this.shared.ticket, sha256)).space)
  })

  /** A step is the work of the person, who after his device was cloned works at both. */
  private perform(step: Doing, peer: SimulatedPeer) {
    const copy = this.trial.peers.find(({ name }) => name === `${peer.name}~`)
    if (copy === undefined) return this.at(step, peer)
    return Effect.all([this.at(step, peer), Effect.ignore(this.at(step, copy))], { concurrency: 2 })
  }

  private at(step: Doing, peer: SimulatedPeer): Effect.Effect<unknown, unknown> {
    return Effect.andThen(this.isUp(peer), this.done(step, peer))
  }

  /** Who finds his device off waits for it, and does at once then what he wanted. */
  private isUp(peer: SimulatedPeer) {
    return Effect.gen({ self: this }, function* () {
      while (!(yield* peer.isUp) && !(yield* this.trial.isCalm)) yield* Effect.sleep("10 millis")
    })
  }

  private done(step: Doing, peer: SimulatedPeer): Effect.Effect<unknown, unknown> {
    if (step.do === "reopen") return this.reopen(peer)
    if (step.do === "synced") return this.synced(step, peer)
    if (step.do === "several") return this.several(severalOf(step), peer)
    if (step.do !== "talk") return this.write(step, peer)
    const [own, answer] = talkOf(step)
    const other = this.another(step, peer)
    return Effect.all([this.several(own, peer), Effect.andThen(this.heard(other), this.several(answer, other))], {
      concurrency: 2
    })
  }

  /** Something new is shown to a peer, or nothing for a while. */
  private heard(peer: SimulatedPeer) {
    const next = (space: Space) => EffectStream.runHead(EffectStream.drop(space.query(Note).changes, 1))
    return Effect.ignore(Effect.timeoutOption(this.shared.in(peer, next), "1 second"))
  }

  private several(writes: Writes, peer: SimulatedPeer) {
    const all = writes.map(([millis, write]) => Effect.ignore(Effect.delay(this.write(write, peer), millis)))
    return Effect.all(all, { concurrency: "unbounded", discard: true })
  }

  private othersOf(peer: SimulatedPeer): ReadonlyArray<SimulatedPeer> {
    return this.trial.peers.filter((other) => other !== peer && this.devices.has(other.name))
  }

  private another({ which }: Doing, peer: SimulatedPeer): SimulatedPeer {
    const others = this.othersOf(peer)
    return others[which % Math.max(1, others.length)] ?? peer
  }

  /** Closes the space; who comes next opens it again, on what the disk shows at that moment. */
  private reopen(peer: SimulatedPeer) {
    return Effect.map(
      this.shared.in(peer, (space) => space.close),
      () => this.trial.met("reopened")
    )
  }

  private write(step: Doing, peer: SimulatedPeer) {
    const { name } = peer
    const written = (space: Space, life: number) =>
      Effect.gen({ self: this }, function* () {
        const notes = yield* this.sight.read(space, name, life)
        const title = `${name} ${life}.${this.ledger.entries.length}`
        const steps = changesOf(step, notes, title, this.followed.last(name))
        const entry = this.ledger.intend({ peer: name, life, isStrict: step.strict, steps })
        const byId = new Map(notes.map((note) => [note.id, note]))
        const durability = step.strict ? "strict" : "relaxed"
        const change = space.change((transaction) => carryOut(transaction, steps, byId), { durability })
        const { receipt } = yield* Effect.tapErrorTag(change, "FlushFailed", () =>
          Effect.suspend(() => {
            entry.isTakenBack = true
            return this.showsNot(space, name, title)
          })
        )
        entry.done = receipt
        entry.seconds = yield* this.trial.seconds
        this.trial.met("writes")
        if (receipt !== null && steps[0]!.do === "create") yield* this.readsOwn(space, name, `${receipt.feed}.${receipt.first}`)
      })
    return Effect.gen({ self: this }, function* () {
      const life = yield* peer.life
      const exit = yield* Effect.exit(this.shared.in(peer, (space) => written(space, life)))
      if (exit._tag === "Success") return
      const error = Cause.squash(exit.cause)
      const hasFailed = typeof error === "object" && error !== null && "_tag" in error && error._tag === "FlushFailed"
      // half of those who were told that it failed open the space anew
      if (hasFailed && step.n % 2 === 0) yield* this.reopen(peer)
      return yield* exit
    })
  }

  /** Read your writes: what one has made is shown to oneself at once, unless somebody has deleted it meanwhile. */
  private readsOwn(space: Space, peer: string, id: string) {
    return Effect.gen({ self: this }, function* () {
      if (yield* this.sight.isThere(space, id)) return
      this.trial.say("read your writes", `${id} was acknowledged and is not shown`, peer)
    })
  }

  /** What has been taken back is shown no more, from when that is told on; a title is of one change alone. */
  private showsNot(space: Space, peer: string, title: string) {
    const looked = Effect.map(space.query(Note).all, (notes) => {
      this.trial.met("takenBack")
      if (!notes.some((note) => note.title === title)) return
      this.trial.say("taken back", `"${title}" has been taken back, and is shown`, peer)
    })
    return Effect.ignore(looked)
  }

  /** Begins it in each life of each opening. */
  private untilCalm(follow: Effect.Effect<unknown, unknown>) {
    return Effect.gen({ self: this }, function* () {
      while (!(yield* this.trial.isCalm)) {
        yield* Effect.ignore(follow)
        yield* Effect.sleep("300 millis")
      }
    })
  }

  /** Shows a space on a screen, and holds against the disks what it says of itself. */
  private look(peer: SimulatedPeer) {
    return this.untilCalm(
      Effect.flatMap(peer.life, (life) => this.shared.in(peer, (space) => this.sight.screen(space, peer, life)))
    )
  }

  /** Asks whether another, or so many, have all of one's writes; a yes is held against their disks at this moment. */
  private synced(step: Doing, peer: SimulatedPeer) {
    const others = this.othersOf(peer)
    const quorum = 1 + (step.n % Math.max(1, others.length))
    const other = others[step.which % Math.max(1, others.length)]
    return Effect.gen({ self: this }, function* () {
      if (other === undefined) return
      const isByName = step.n % 3 > 0
      const before = yield* lengthsOn(yield* peer.durable, this.sight.space)
      const asked = this.shared.in(peer, (space) => space.synced(isByName ? this.devices.get(other.name)! : { quorum }))
      const answer = yield* Effect.option(Effect.timeout(asked, "4 seconds"))
      if (Option.isNone(answer)) return
      this.trial.met("synced")
      const told = isByName ? [other] : others
      // what a fork has frozen meanwhile counts no more
      const after = yield* lengthsOn(yield* peer.durable, this.sight.space)
      const counts = new Map([...before].filter(([feed]) => after.has(feed)))
      const lacking = yield* Effect.filter(told, (each) => this.lacks(each, counts))
      if (told.length - lacking.length >= (isByName ? 1 : quorum)) return
      // a disk that was put back, or a device that is two, has said so before it was
      if (told.some(({ name }) => this.sight.wasPutBack(name) || this.sight.isTwo(name))) return
      const says = `${lacking.map(({ name }) => name).join(", ")} have not what ${peer.name} had`
      this.trial.say("synced claims too much", says, peer.name)
    })
  }

  /** Whether a peer's disk, after a loss of power, would hold less. */
  private lacks(peer: SimulatedPeer, lengths: ReadonlyMap<string, number>) {
    return Effect.gen({ self: this }, function* () {
      // of a feed that a fork froze meanwhile it needs no more than it has
      const there = yield* lengthsOn(yield* peer.durable, this.sight.space, true)
      return [...lengths].some(([feed, length]) => (there.get(feed) ?? 0) < length)
    })
  }

  /** A trial asks those whose disk has not rotted. */
  private readonly findSound = Effect.suspend(() =>
    this.trial.check("sound", (peer) => Effect.sync(() => this.sound.push(peer) > 0))
  )

  private readonly converge = Effect.gen({ self: this }, function* () {
    // two feeds of equal length under one key are noticed a moment after their peers have met, and until then frontiers are equal
    const mayBeTwo = this.sight.isTwo() || this.sight.wasPutBack()
    const attempt = Effect.gen({ self: this }, function* () {
      for (;;) {
        const asked = (space: Space) =>
          mayBeTwo ? Effect.map(Effect.zip(space.frontier, space.stateHash), String) : space.frontier
        const standings = Effect.forEach(this.sound, (peer) => Effect.option(this.shared.in(peer, asked)), {
          concurrency: "unbounded"
        })
        const frontiers = yield* standings
        const known = frontiers.flatMap((frontier) => (Option.isSome(frontier) ? [frontier.value] : []))
        if (known.length === frontiers.length && new Set(known).size === 1) return
        yield* Effect.sleep("500 millis")
      }
    })
    const isUsual = !mayBeTwo && !this.sight.mayMeet("sleep") && this.sound.length === this.trial.peers.length
    const seconds = convergeSeconds[isUsual ? "usual" : "rare"]
    const isDone = yield* Effect.timeoutOption(attempt, `${seconds} seconds`)
    if (Option.isSome(isDone)) return
    const says = `within ${seconds} s after everything had healed, ${yield* standing(this.shared, this.sound)}`
    yield* this.trial.violated("equal frontiers", says)
  })

  private readonly check = Effect.gen({ self: this }, function* () {
    const { trial } = this
    // a block that rots on the disk that has it alone is lost
    for (const peer of trial.peers) if (!this.sound.includes(peer)) this.ledger.putBack(peer.name, 0)
    const { devices, shared, sight, sound } = this
    const end = new End({ trial, devices, shared, sight, sound })
    yield* end.rotten
    const hashes = new Set<string>()
    const shown = new Set<string>()
    for (const peer of this.sound) {
      yield* this.followed.compare(peer, this.shared)
      shown.add(JSON.stringify(yield* this.shared.in(peer, (space) => space.query(Note, { orderBy: "title" }).all)))
    }
    if (shown.size > 1) trial.say("equal to look at", `${shown.size} different lists of notes behind equal frontiers`)
    for (const peer of this.sound) {
      const hash = yield* this.shared.in(peer, (space) => space.stateHash)
      hashes.add(hash)
      const found = yield* changesOn(peer.disk, this.sight.space)
      if (found.floors.size > 0 && !this.sight.mayFork())
        trial.say("no fork", `${[...found.floors.keys()].join(", ")} forked, and every device was there once`, peer.name)
      // what is wrong with the feeds comes before what is made of them
      const refuses = (name: string) => this.sight.mayMeet("fullDisk", name)
      const receipts = this.sight.mayFork() ? [] : this.receipts.compare(found, refuses)
      for (const problem of [...receipts, ...this.ledger.compare(found)]) {
        const [name, ...says] = problem.split(": ")
        trial.say(name!, says.join(": "), peer.name)
      }
      if (peer === this.sound[0]) this.followed.judge(createdIn(found))
      const model = new Naive(found.changes, found.voids)
      const { conflicts, stateHash } = model.outcome()
      // one is enough, and not always the same
      if (peer === this.sound[trial.plan.seed % this.sound.length]) yield* end.conflicts(peer, model, conflicts)
      if (stateHash !== hash) trial.say("equal to the model", "another state than the model's fold", peer.name)
      const audit = yield* Effect.result(this.shared.in(peer, (space) => space.audit))
      if (Result.isFailure(audit)) trial.say("audit", audit.failure.message, peer.name)
    }
    if (hashes.size > 1) trial.say("equal state hash", `${hashes.size} different ones behind equal frontiers`)
    yield* end.statuses
  })
}

/** The ids of all notes that were made. */
const createdIn = ({ changes }: Found): ReadonlySet<string> =>
  new Set(
    changes.flatMap(({ feed, first, mutations }) =>
      mutations.flatMap((mutation, at) => (mutation.op === "create" ? [`${feed}.${first + at}`] : []))
    )
  )

export const replication = Simulation.makeWith<Doing>("replication", { peers: 5, faults: hostile, workload, seeds: 20 }, () => {
  let running: Replication | null = null
  const started = (peer: string) => Effect.suspend(() => running?.sight.started(peer) ?? Effect.void)
  return {
    layer: (peer) => Layer.effectDiscard(Effect.andThen(Peer, started(peer))),
    body: (trial) => {
      running = new Replication(trial)
      return running.run
    },
    onCrash: (peer, fault) => running?.crashed(peer, fault)
  }
})
