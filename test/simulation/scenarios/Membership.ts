/**
 * People let each other into a space and take rights away, at odds and apart, while everything that can break does; then all must agree.
 *
 * What is checked is told at docs/simulation.md ("Seeds of a scenario"). Who founded the space stays in it, whatever others do, so that
 * there is somebody whom everybody meets in the end.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as EffectStream from "effect/Stream"
import type { Fault } from "../../../src/schema/simulation/Fault.ts"
import * as Faults from "../../../src/schema/simulation/Faults.ts"
import { lies } from "../../../src/schema/simulation/Lie.ts"
import type { Plan } from "../../../src/schema/simulation/Plan.ts"
import type { Space } from "../../../src/services/echo/SpaceService.ts"
import type { SpaceOperations } from "../../../src/services/halo/OperationStore.ts"
import type { RoleName, SpaceMembership } from "../../../src/services/halo/SpaceMembership.ts"
import type { Lies } from "../../../src/services/simulation/Simulation.ts"
import * as Simulation from "../../../src/services/simulation/Simulation.ts"
import type { Trial } from "../../../src/services/simulation/Trial.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"
import { End } from "./MembershipEnd.ts"
import { Judgements, membersText } from "./MembershipModel.ts"
import { People } from "./MembershipPeople.ts"
import { capFor, carryOut, compromiseSeconds, type Deed, roleFor, stolenSeconds, Task, workload } from "./MembershipSteps.ts"

/**
 * Who lets whom in at the beginning: by whom, and as what, from the second one on. A sixth is let in by a step, if at all; the last peer is
 * nobody's, until a step makes it another device of somebody's.
 */
const firstIn = (senior: RoleName): ReadonlyArray<readonly [host: number, role: RoleName]> => [
  [0, senior],
  [senior === "owner" ? 1 : 0, "admin"],
  [2, "editor"],
  [1, "reader"]
]

/** One of the others than the founder, in two of three seeds: a person's only device, or the one that is added, which its owner takes for his. */
const liarOf = ({ seed, world: { peers } }: Plan): Lies => {
  const lie = lies[Math.floor(seed / 3) % lies.length]!
  const liar = peers[1 + (Math.floor(seed / 3 / lies.length) % (peers.length - 1))]
  return seed % 3 === 0 || liar === undefined ? {} : { [liar]: lie }
}

/** What who floods writes beside each change. */
const floodedWrites = 20

class Membership {
  private readonly trial: Trial<Deed>
  private readonly people = new People()
  private readonly judgements = new Judgements()
  private readonly end: End

  constructor(trial: Trial<Deed>) {
    this.trial = trial
    const [liar] = Object.keys(liarOf(trial.plan))
    this.end = new End({ trial, people: this.people, judgements: this.judgements, liar })
  }

  readonly run = Effect.gen({ self: this }, function* () {
    const { trial } = this
    yield* this.begin
    const scope = yield* Effect.scope
    for (const peer of trial.peers) if (this.end.isHonest(peer)) yield* Effect.forkIn(this.follow(peer), scope)
    yield* trial.play((step, peer) => this.perform(step, peer))
    yield* Effect.sleep("1 second")
    yield* this.end.check
  }).pipe(Effect.scoped)

  crashed({ kind }: Fault, peer: string): void {
    this.trial.met("crashes")
    if (kind === "rollback") this.people.putBack(peer)
  }

  private readonly begin = Effect.gen({ self: this }, function* () {
    const { people, trial } = this
    for (const peer of trial.peers.slice(0, -1)) yield* people.create(peer)
    yield* people.found(trial.peers[0]!)
    const senior = trial.draw("senior", 3) === 0 ? "owner" : "admin"
    for (const [i, [host, role]] of firstIn(senior).entries()) {
      const guest = trial.peers[i + 1]
      if (guest !== undefined && people.isKnown(guest)) yield* people.letIn(trial.peers[host]!, guest, role)
    }
  })

  /** A step is the work of the person, who after his device was cloned works at both. */
  private perform(step: Deed, peer: SimulatedPeer): Effect.Effect<unknown, unknown> {
    const copy = this.trial.peers.find(({ name }) => name === `${peer.name}~`)
    const isOfBoth = copy !== undefined && step.do === "write"
    const own = Effect.andThen(this.isUp(peer), this.done(step, peer))
    return isOfBoth ? Effect.all([own, Effect.ignore(this.done(step, copy))], { concurrency: 2 }) : own
  }

  /** Who finds his device off waits for it, and does at once then what he wanted. */
  private isUp(peer: SimulatedPeer) {
    return Effect.gen({ self: this }, function* () {
      while (!(yield* peer.isUp) && !(yield* this.trial.isCalm)) yield* Effect.sleep("10 millis")
    })
  }

  private done(step: Deed, peer: SimulatedPeer): Effect.Effect<unknown, unknown> {
    const { people } = this
    if (!people.isKnown(peer)) return Effect.void
    const by = <A, E>(use: (membership: SpaceMembership, space: Space) => Effect.Effect<A, E>) =>
      people.in(peer, (space) => use(space.membership, space))
    const other = this.another(step, peer)
    const { device, identity } = people.of(other)
    switch (step.do) {
      case "write":
        return by((membership, space) => this.write(step, peer, space, membership))
      case "name":
        return by(({ setName }) => setName(`${peer.name} ${step.n}`))
      case "admit":
        return Effect.map(people.letIn(peer, other, roleFor(step)), () => this.trial.met("admissions"))
      case "remove":
        return this.removing(step, peer, other, (membership, since) => membership.remove(identity, since))
      case "demote":
        return this.removing(step, peer, other, (membership, since) => membership.demote(identity, capFor(step), since))
      case "removeDevice":
        return this.removing(step, peer, other, (membership, since) => membership.removeDevice(identity, device, since))
      case "addDevice":
        return Effect.map(people.addDevice(peer, this.trial.peers.at(-1)!), (isAdded) =>
          this.trial.met("devices added", +isAdded)
        )
      case "revokeDevice":
        return this.revoking(step, peer)
      case "endorse":
        return by((membership) => this.endorse(membership))
      case "policy":
        return by(({ setPolicy }) => setPolicy(step.n % 3 === 0 ? "locked" : "invite"))
      case "leave":
        return people.of(peer).identity === people.of(this.trial.peers[0]!).identity
          ? Effect.void
          : by((membership) => this.leave(step, peer, membership))
      case "reopen":
        return by((_, space) => space.close)
    }
  }

  /** Somebody else, and mostly of the first ones, who do most. */
  private another({ which }: Deed, peer: SimulatedPeer): SimulatedPeer {
    const { people } = this
    const isAnother = (other: SimulatedPeer) => people.isKnown(other) && people.of(other).identity !== people.of(peer).identity
    const others = this.trial.peers.filter(isAnother)
    return others[which % others.length]!
  }

  private write(step: Deed, { name }: SimulatedPeer, space: Space, membership: SpaceMembership) {
    return Effect.gen({ self: this }, function* () {
      const before = yield* membership.role
      const tasks = yield* space.query(Task).all
      const title = `${name} ${step.which}.${step.n}`
      const written = yield* Effect.exit(space.change((transaction) => carryOut(transaction, step, tasks, title)))
      const after = yield* membership.role
      const isHonest = this.end.isHonest({ name })
      if (isHonest && before === "reader" && after === "reader" && written._tag === "Success" && written.value.receipt !== null)
        this.trial.say("readers read", `${title} was written by a reader`, name)
      if (written._tag === "Failure" && before === "reader" && isRefused(written.cause)) this.trial.met("readers refused")
      const { receipt } = yield* written
      if (receipt !== null) this.end.wrote(name, receipt)
      if (liarOf(this.trial.plan)[name] === "flood") yield* this.flood(space, title)
    })
  }

  /** Writes within a right, more than anybody needs. */
  private flood(space: Space, title: string) {
    const more = Array.from({ length: floodedWrites }, (_, n) => space.create(Task, { title: `${title} ${n}`, count: n }))
    return Effect.map(Effect.all(more, { concurrency: "unbounded" }), () => this.trial.met("floods of writes"))
  }

  private removing(
    step: Deed,
    peer: SimulatedPeer,
    other: SimulatedPeer,
    take: (membership: SpaceMembership, since: { readonly since?: number }) => Effect.Effect<void, unknown>
  ) {
    return this.people.in(peer, (space) =>
      Effect.gen({ self: this }, function* () {
        const seconds = compromiseSeconds(step)
        const now = yield* Clock.currentTimeMillis
        const tasks = yield* space.query(Task).all
        yield* take(space.membership, seconds === undefined ? {} : { since: now - 1_000 * seconds })
        this.trial.met(step.do === "demote" ? "demotions" : "removals")
        if (seconds !== undefined) return
        const { device, identity } = this.people.of(other)
        const ids = tasks.map(({ id }) => id)
        yield* this.end.saw(peer, identity, step.do === "removeDevice" ? device : null, ids)
      })
    )
  }

  /** The other device of the same person was lost, or stolen some seconds ago: the phrase takes it away where this one is not above it. */
  private revoking(step: Deed, peer: SimulatedPeer) {
    const { people, trial } = this
    const sibling = people.siblingOf(peer)
    if (sibling === undefined || sibling.name === trial.peers[0]!.name) return Effect.void
    return Effect.gen(function* () {
      const seconds = stolenSeconds(step)
      const since = seconds === undefined ? {} : { since: (yield* Clock.currentTimeMillis) - 1_000 * seconds }
      yield* people.revoke(peer, sibling.device, { ...since, phrase: people.of(peer).phrase })
      trial.met("devices revoked")
      if (seconds !== undefined) trial.met("devices stolen")
    })
  }

  private endorse({ endorse, withheld }: SpaceMembership) {
    return Effect.gen({ self: this }, function* () {
      const [one] = yield* withheld
      if (one === undefined) return
      yield* endorse(one.feed)
      this.trial.met("endorsements")
    })
  }

  private leave({ n }: Deed, peer: SimulatedPeer, { leave }: SpaceMembership) {
    const phrase = n % 2 === 0 ? this.people.of(peer).phrase : undefined
    return Effect.map(leave(phrase), () => this.trial.met("leaves"))
  }

  private wrongWith(operations: SpaceOperations): string | null {
    const model = this.judgements.of(operations.list().map(({ operation }) => operation))
    const [shown, right] = [membersText(operations.membership.members()), membersText(model.members())]
    return shown === right ? null : `it shows ${shown}, and the rules say ${right}`
  }

  /** What each peer knows of the people is, at any moment, what the rules make of the operations that it holds. */
  private follow(peer: SimulatedPeer) {
    const looking = this.people.in(peer, ({ membership }) =>
      this.people.operations(peer, (operations) =>
        EffectStream.runForEach(membership.changes, () =>
          Effect.gen({ self: this }, function* () {
            this.trial.met("looks")
            if (this.wrongWith(operations) === null) return
            // some that came together may not be judged yet
            yield* Effect.sleep("200 millis")
            const wrong = this.wrongWith(operations)
            if (wrong !== null) this.trial.say("roles by the rules", wrong, peer.name)
          })
        )
      )
    )
    return Effect.gen({ self: this }, function* () {
      while (!(yield* this.trial.isCalm)) {
        yield* Effect.ignore(looking)
        yield* Effect.sleep("300 millis")
      }
    })
  }
}

const isRefused = (cause: Cause.Cause<unknown>): boolean => {
  const error = Cause.findErrorOption(cause)
  return (
    Option.isSome(error) &&
    typeof error.value === "object" &&
    error.value !== null &&
    "_tag" in error.value &&
    error.value._tag === "NotAuthorized"
  )
}

/** What rots is for the scenario of replication. */
const faults = Faults.without(Faults.hostile, "bitRot")

export const membership = Simulation.makeWith<Deed>(
  "membership",
  { peers: { from: 6, to: 7 }, faults, workload, seeds: 20 },
  (plan) => {
    let running: Membership | null = null
    return {
      lies: liarOf(plan),
      body: (trial) => {
        running = new Membership(trial)
        return running.run
      },
      onCrash: (peer, fault) => running?.crashed(fault, peer)
    }
  }
)
