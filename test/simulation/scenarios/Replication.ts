/**
 * Several people write into one space, offline and online, while everything that can break does; then all heals, and all must agree.
 *
 * Each seed draws which faults are on. After some time of trouble the world heals, everybody is started again and has to come to one
 * state within a while. What is checked is told at `violations`.
 */
import { createHash } from "node:crypto"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as EffectStream from "effect/Stream"
import { Naive } from "../../../demo/naive.ts"
import { ObjectType } from "../../../src/schema/echo/ObjectType.ts"
import { decodeTicket } from "../../../src/schema/echo/Space.ts"
import type { Space } from "../../../src/services/echo/SpaceService.ts"
import { Peer } from "../../../src/services/peer/Peer.ts"
import type { SimulatedPeer, World } from "../../../src/services/simulation/World.ts"
import { Faults } from "./Faults.ts"
import { changesOn, lengthsOn } from "./feeds.ts"
import { type Entry, Ledger, type Patch, type Step } from "./Ledger.ts"
import type { Scenario } from "./Scenario.ts"

const Note = ObjectType.make("Note", {
  title: Schema.String,
  count: Schema.Int,
  after: Schema.optionalKey(Schema.String),
  spot: Schema.Struct({ x: Schema.Number, y: Schema.Number })
})

/** Seconds of trouble, and seconds in which all must have come to one state afterwards. */
const troubleSeconds = 25
const convergeSeconds = 150

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(bytes).digest())

class Replication {
  readonly ledger = new Ledger()
  readonly violations: Array<string> = []
  readonly faults: Faults
  private readonly world: World
  private ticket = ""
  private space = new Uint8Array()
  private readonly devices = new Map<string, string>()
  /** Ids of notes that somebody saw, by who saw them. */
  private readonly seen = new Map<string, Array<string>>()
  /** Notes that were shown without the one before. Whether that one was ever written is known in the end: a failed write is taken back. */
  private readonly disordered: Array<{ readonly after: string; readonly says: string }> = []
  private isOver = false
  /** How often a space was closed and opened again in the middle of it. */
  reopened = 0

  constructor(world: World) {
    this.world = world
    this.faults = new Faults(world)
  }

  private say(violation: string): void {
    if (this.violations.length < 20) this.violations.push(violation)
  }

  /** Runs something in the open space of a peer's present life. */
  private in<A, E>(peer: SimulatedPeer, body: (space: Space) => Effect.Effect<A, E>) {
    return peer.run(Effect.flatMap(Peer, ({ spaces }) => Effect.flatMap(spaces.open(this.ticket), body)))
  }

  readonly run = Effect.gen({ self: this }, function* () {
    yield* this.begin
    const scope = yield* Effect.scope
    for (const peer of this.world.peers) {
      yield* Effect.forkIn(this.work(peer), scope)
      yield* Effect.forkIn(this.watch(peer), scope)
      yield* Effect.forkIn(this.sync(peer), scope)
    }
    yield* Effect.forkIn(this.faults.run(troubleSeconds), scope)
    yield* Effect.sleep(`${troubleSeconds} seconds`)
    this.isOver = true
    yield* this.faults.end
    yield* Effect.sleep("1 second")
    yield* this.converge
    yield* this.check
    for (const peer of this.world.peers) {
      const left = yield* peer.close
      if (left > 0) this.say(`left running: ${left} timers, connections or places of ${peer.name} after it was closed`)
    }
  })

  private readonly begin = Effect.gen({ self: this }, function* () {
    const [first, ...others] = this.world.peers
    for (const peer of this.world.peers) this.devices.set(peer.name, yield* peer.run(Effect.map(Peer, ({ device }) => device)))
    const members = others.map(({ name }) => this.devices.get(name)!)
    this.ledger.intend({ peer: first!.name, life: 1, isStrict: false, steps: [{ do: "space", name: "Notes" }] })
    this.ticket = yield* first!.run(
      Effect.flatMap(Peer, ({ spaces }) => Effect.map(spaces.create({ name: "Notes", members }), (space) => space.ticket))
    )
    this.space = new Uint8Array(Result.getOrThrow(decodeTicket(this.ticket, sha256)).space)
  })

  /** Writes for as long as the trouble lasts, in whichever life the peer is. */
  private work(peer: SimulatedPeer) {
    const draw = (below: number) => this.world.draw(`${peer.name} works`, below)
    return Effect.gen({ self: this }, function* () {
      while (!this.isOver) {
        yield* Effect.sleep(20 + draw(draw(4) === 0 ? 3_000 : 400))
        const life = yield* peer.life
        const isStrict = draw(5) > 0
        const write = this.in(peer, (space) => this.write(space, peer.name, life, isStrict, draw))
        // what was begun and not brought to an end stays an intent without a receipt
        const written = yield* Effect.result(write)
        const hasFailed = Result.isFailure(written) && written.failure._tag === "FlushFailed"
        if (draw(hasFailed ? 2 : 12) === 0) yield* this.reopen(peer)
      }
    })
  }

  /** Closes the space; who comes next opens it again, on what the disk shows at that moment. */
  private reopen(peer: SimulatedPeer) {
    const closed = this.in(peer, (space) => space.close)
    return Effect.ignore(Effect.map(closed, () => this.reopened++))
  }

  private write(space: Space, peer: string, life: number, isStrict: boolean, draw: (below: number) => number) {
    return Effect.gen({ self: this }, function* () {
      const notes = yield* space.query(Note).all
      const note = notes[draw(Math.max(1, notes.length))]
      const last = this.seen.get(peer)?.findLast((id) => this.isForeign(id, peer))
      const title = `${peer} ${life}.${this.ledger.entries.length}`
      const steps: Array<Step> = []
      const kind = note === undefined ? 0 : draw(10)
      if (kind < 3) {
        const link = last === undefined ? {} : { after: last }
        steps.push({ do: "create", properties: { title, count: draw(100), ...link, spot: { x: draw(10), y: draw(10) } } })
      }
      if (kind >= 2 && kind < 9) steps.push({ do: "update", object: note!.id, patch: patchOf(draw, title) })
      if (kind === 4) steps.push({ do: "update", object: notes[0]!.id, patch: { count: draw(1_000) } })
      if (kind === 9) steps.push({ do: draw(2) === 0 ? "delete" : "restore", object: note!.id })
      const entry = this.ledger.intend({ peer, life, isStrict, steps })
      const byId = new Map(notes.map((each) => [each.id, each]))
      const change = space.change(
        (transaction) => {
          for (const step of steps) {
            if (step.do === "create") transaction.create(Note, step.properties)
            else if (step.do === "update") transaction.update(byId.get(step.object)!, step.patch as object)
            else if (step.do === "delete") transaction.delete(byId.get(step.object)!)
            else if (step.do === "restore") transaction.restore(byId.get(step.object)!)
          }
        },
        { durability: isStrict ? "strict" : "relaxed" }
      )
      const { receipt } = yield* Effect.tapErrorTag(change, "FlushFailed", () =>
        Effect.sync(() => {
          entry.isTakenBack = true
        })
      )
      entry.done = receipt
    })
  }

  /**
   * Whether a note is surely another's: one's own may be lost with the power when it was relaxed, and its id then names another note.
   */
  private isForeign(id: string, peer: string): boolean {
    const own = this.ledger.entries.filter((entry) => entry.peer === peer && entry.done != null)
    return own.length > 0 && own.every(({ done }) => !id.startsWith(done!.feed))
  }

  /** Follows the notes as they come: none may be seen before the one that its writer had seen. */
  private watch(peer: SimulatedPeer) {
    const follow = this.in(peer, (space) =>
      EffectStream.runForEach(space.query(Note).changes, ({ added }) =>
        Effect.gen({ self: this }, function* () {
          for (const { after, id } of added) {
            const seen = this.seen.get(peer.name) ?? []
            seen.push(id)
            this.seen.set(peer.name, seen)
            if (after === undefined || (yield* this.isThere(space, after))) continue
            this.disordered.push({
              after,
              says: `causal order: ${peer.name} shows ${id}, and not ${after}, which its writer had seen`
            })
          }
        })
      )
    )
    return Effect.gen({ self: this }, function* () {
      while (!this.isOver) {
        // what an earlier life saw of its own relaxed writes may be lost
        this.seen.delete(peer.name)
        yield* Effect.ignore(follow)
        yield* Effect.sleep("300 millis")
      }
    })
  }

  /** Whether a note is here, as far as one can tell: of one that somebody deletes, nobody can. */
  private isThere(space: Space, id: string) {
    const isDeletedBySomebody = this.ledger.entries.some(({ steps }) =>
      steps.some((step) => step.do === "delete" && step.object === id)
    )
    return Effect.map(space.get(Note, id), (note) => note !== undefined || isDeletedBySomebody)
  }

  /** Asks again and again whether another has all of one's writes; a yes is held against that one's disk at this moment. */
  private sync(peer: SimulatedPeer) {
    const draw = (below: number) => this.world.draw(`${peer.name} syncs`, below)
    return Effect.gen({ self: this }, function* () {
      while (!this.isOver) {
        yield* Effect.sleep(1_000 + draw(3_000))
        const other = this.world.peers[draw(this.world.peers.length)]!
        if (other === peer) continue
        const before = yield* lengthsOn(yield* peer.durable, this.space)
        const asked = this.in(peer, (space) => space.synced(this.devices.get(other.name)!))
        const answer = yield* Effect.option(Effect.timeout(asked, "4 seconds"))
        if (Option.isNone(answer)) continue
        const there = yield* lengthsOn(yield* other.durable, this.space)
        for (const [feed, length] of before) {
          if ((there.get(feed) ?? 0) < length)
            this.say(`synced claims too much: ${other.name} has ${there.get(feed) ?? 0} of ${feed}, ${peer.name} had ${length}`)
        }
      }
    })
  }

  private readonly converge = Effect.gen({ self: this }, function* () {
    const states = yield* Deferred.make<void>()
    const attempt = Effect.gen({ self: this }, function* () {
      for (;;) {
        const frontiers = yield* Effect.forEach(this.world.peers, (peer) => this.in(peer, (space) => space.frontier), {
          concurrency: "unbounded"
        })
        if (new Set(frontiers).size === 1) break
        yield* Effect.sleep("500 millis")
      }
      yield* Deferred.succeed(states, undefined)
    })
    const isDone = yield* Effect.timeoutOption(attempt, `${convergeSeconds} seconds`)
    if (isDone._tag === "None") this.say(`equal frontiers: not within ${convergeSeconds} s after everything had healed`)
  })

  private readonly check = Effect.gen({ self: this }, function* () {
    const hashes = yield* Effect.forEach(this.world.peers, (peer) => this.in(peer, (space) => space.stateHash))
    if (new Set(hashes).size > 1) this.say(`equal state hash: ${new Set(hashes).size} different ones`)
    for (const [i, peer] of this.world.peers.entries()) {
      const changes = yield* changesOn(peer.disk, this.space)
      const created = new Set(
        changes.flatMap(({ feed, first, mutations }) =>
          mutations.flatMap((mutation, at) => (mutation.op === "create" ? [`${feed}.${first + at}`] : []))
        )
      )
      for (const { after, says } of i === 0 ? this.disordered : []) if (created.has(after)) this.say(says)
      const { stateHash } = new Naive(changes).outcome()
      if (stateHash !== hashes[i]) this.say(`equal to the model: ${peer.name} comes to another state than the model's fold`)
      for (const problem of this.ledger.compare(changes)) this.say(`${problem} (on the disk of ${peer.name})`)
      const audit = yield* Effect.result(this.in(peer, (space) => space.audit))
      if (Result.isFailure(audit)) this.say(`audit: ${peer.name}: ${audit.failure.message}`)
    }
  })
}

const patchOf = (draw: (below: number) => number, title: string): Patch => {
  const kind = draw(4)
  if (kind === 0) return { title }
  if (kind === 1) return { count: draw(1_000) }
  return kind === 2 ? { spot: { x: draw(100) } } : { spot: { x: draw(100), y: draw(100) }, count: draw(1_000) }
}

export const replication = (): Scenario => ({
  run: (world) =>
    Effect.gen(function* () {
      const scenario = new Replication(world)
      yield* Effect.scoped(scenario.run).pipe(Effect.orDie)
      const { faults, ledger, reopened, violations } = scenario
      const operations = ledger.entries.filter((entry: Entry) => entry.done != null).length
      return { operations, faults: faults.counts, met: { reopened }, violations }
    })
})
