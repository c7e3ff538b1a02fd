/**
 * What has to hold of a space of identities when all has healed: members agree with each other and with the rules, the others know it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as EffectStream from "effect/Stream"
import type { DecodedOperation } from "../../../src/schema/halo/OperationCodec.ts"
import type { Receipt, Space, SpaceStatus } from "../../../src/services/echo/SpaceService.ts"
import type { SpaceOperations } from "../../../src/services/halo/OperationStore.ts"
import type { Trial } from "../../../src/services/simulation/Trial.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"
import { AcceptedPrefixes } from "../../halo/naive/AcceptedPrefixes.ts"
import type { Evaluation } from "../../halo/naive/Evaluation.ts"
import { blocksOn } from "./feeds.ts"
import { type Judgements, membersText, operationsOn, type Shown, shownOn, unsignedOn } from "./MembershipModel.ts"
import type { People } from "./MembershipPeople.ts"
import type { Deed } from "./MembershipSteps.ts"

/** Virtual seconds in which all members must have come to one state when everything has healed. */
const convergeSeconds = 150
/** Virtual seconds in which who was removed has heard of it. */
const toldSeconds = 150

export class End {
  private readonly trial: Trial<Deed>
  private readonly people: People
  private readonly judgements: Judgements
  /** What peers were told to have written, as change sets of their feeds. */
  private readonly written: Array<{ readonly peer: string; readonly change: string; readonly feed: string }> = []
  /** Removals, and the tasks of the removed that the remover was shown. */
  private readonly kept: Array<{ readonly host: string; readonly removal: string; readonly tasks: ReadonlyArray<string> }> = []

  private readonly liar: string | undefined

  constructor(options: {
    readonly trial: Trial<Deed>
    readonly people: People
    readonly judgements: Judgements
    /** The name of the peer that lies, if one does. */
    readonly liar: string | undefined
  }) {
    this.trial = options.trial
    this.people = options.people
    this.judgements = options.judgements
    this.liar = options.liar
  }

  /** Of who lies nothing is promised. */
  isHonest({ name }: { readonly name: string }): boolean {
    return this.liar === undefined || name.replace("~", "") !== this.liar
  }

  wrote(peer: string, { feed, first }: Receipt): void {
    this.written.push({ peer, feed, change: `${feed} ${first}` })
  }

  /** Somebody has removed another, or one device of his, and had been shown these tasks. */
  saw(host: SimulatedPeer, target: string, device: string | null, tasks: ReadonlyArray<string>) {
    const own = this.people.of(host).device
    const noted = (operations: SpaceOperations) =>
      Effect.sync(() => {
        const isIt = ({ operation: { by, deed } }: DecodedOperation) =>
          by === own &&
          "identity" in deed &&
          deed.identity === target &&
          (device === null || ("device" in deed && deed.device === device))
        const removal = operations.list().findLast(isIt)?.operation.id
        const isHis = (task: string) => {
          const feed = task.split(".")[0]!
          return device === null ? operations.membership.ownerOf(feed) === target : operations.deviceOf(feed) === device
        }
        if (removal !== undefined) this.kept.push({ host: host.name, removal, tasks: tasks.filter(isHis) })
      })
    return Effect.ignore(this.people.operations(host, noted))
  }

  private get founder(): SimulatedPeer {
    return this.trial.peers[0]!
  }

  /** What the rules make of what a peer's disk holds. */
  private judged(peer: SimulatedPeer) {
    return Effect.map(operationsOn(peer.disk, this.people.space), (operations) => this.judgements.of(operations))
  }

  /** Those who are in, as the founder's operations say. Who crashed before he was told has not come in. */
  private membersBy(evaluation: Evaluation): ReadonlyArray<SimulatedPeer> {
    const devices = new Set(evaluation.members().flatMap((member) => member.devices))
    const { people } = this
    const isIn = (peer: SimulatedPeer) =>
      this.isHonest(peer) && people.isKnown(peer) && people.isIn(peer) && !people.mayBeBlank(peer.name)
    const members = this.trial.peers.filter((peer) => isIn(peer) && devices.has(this.people.of(peer).device))
    // copies of one device hear of each other through others alone, and who lies need not tell
    const isAlone = new Set(members.map((peer) => this.people.of(peer).device)).size === 1
    return isAlone ? members.slice(0, 1) : members
  }

  readonly check = Effect.gen({ self: this }, function* () {
    yield* this.converge
    const evaluation = yield* this.judged(this.founder)
    const members = this.membersBy(evaluation)
    this.count(evaluation)
    yield* this.genuine(evaluation)
    for (const peer of members) {
      const shown = yield* shownOn(peer.disk, this.people.space, yield* this.judged(peer))
      yield* this.agrees(peer, evaluation, shown)
      this.keeps(peer, members, evaluation, shown)
    }
    yield* this.told(evaluation, members)
    const now = yield* this.judged(this.founder)
    yield* this.parted(now, this.membersBy(now))
  })

  /** Nobody has signed for another, and no device is somebody else's. */
  private genuine(evaluation: Evaluation) {
    return Effect.map(unsignedOn(this.founder.disk, this.people.space), (unsigned) => {
      if (unsigned.length > 0) this.trial.say("signed", `${unsigned.join(", ")} is kept, and its signer has not signed it`)
      for (const { devices, identity } of evaluation.members())
        if (devices.some((device) => !this.people.isDeviceOf(identity, device)))
          this.trial.say("own devices", `${identity} has ${devices.join(", ")}, of which one is not his`)
    })
  }

  private standingOf(peer: SimulatedPeer) {
    return this.people.in(peer, (space) => Effect.map(Effect.zip(space.frontier, space.stateHash), String))
  }

  private readonly converge = Effect.gen({ self: this }, function* () {
    const attempt = Effect.gen({ self: this }, function* () {
      for (;;) {
        const members = this.membersBy(yield* this.judged(this.founder))
        const standings = yield* Effect.forEach(members, (peer) => Effect.option(this.standingOf(peer)), {
          concurrency: "unbounded"
        })
        if (standings.every(Option.isSome) && new Set(standings.map(({ value }) => value)).size === 1) return
        yield* Effect.sleep("500 millis")
      }
    })
    if (Option.isSome(yield* Effect.timeoutOption(attempt, `${convergeSeconds} seconds`))) return
    const lines = yield* Effect.forEach(this.trial.peers, (peer) => this.lineOf(peer))
    yield* this.trial.violated(
      "members agree",
      `not within ${convergeSeconds} s after everything had healed\n${lines.join("\n")}`
    )
  })

  private lineOf(peer: SimulatedPeer) {
    const told = this.people.in(peer, (space) =>
      Effect.map(
        Effect.all([space.frontier, space.stateHash, space.membership.role, EffectStream.runHead(space.status)]),
        ([frontier, hash, as, status]) => {
          const stuck = Option.isSome(status) ? status.value.stuck : []
          return `${as ?? "nobody"}, frontier ${frontier.slice(0, 6)}, state ${hash.slice(0, 6)}${stuck.length > 0 ? `, stuck: ${stuck.join(", ")}` : ""}`
        }
      )
    )
    return Effect.gen({ self: this }, function* () {
      const operations = yield* operationsOn(peer.disk, this.people.space)
      const held = [...(yield* blocksOn(peer.disk, this.people.space))].map(([feed, { blocks, isFrozen }]) => {
        const { counter, role } = new AcceptedPrefixes(this.judgements.of(operations)).accepted(feed)
        return `${feed.slice(0, 4)} ${blocks.length}${isFrozen ? " frozen" : ""} (${role}: ${counter})`
      })
      const says = Option.flatten(yield* Effect.timeoutOption(Effect.option(told), "1 second"))
      return `${peer.name} holds ${operations.length} operations, and is ${Option.getOrElse(says, () => "not to be asked")}; ${held.join(", ")}`
    })
  }

  private agrees(peer: SimulatedPeer, evaluation: Evaluation, shown: Shown) {
    const { trial } = this
    return this.people.in(peer, (space) =>
      Effect.gen({ self: this }, function* () {
        const { membership } = space
        const people = yield* membership.people
        const roles = ["", "reader", "editor", "admin", "owner"]
        const told = membersText(people.map(({ identity, role }) => ({ identity, role: roles.indexOf(role) })))
        const right = membersText(evaluation.members())
        if (told !== right) trial.say("equal members", `it shows ${told}, and the rules say ${right}`, peer.name)
        if ((yield* space.stateHash) !== shown.stateHash)
          trial.say("equal to the model", "another state than the model's fold", peer.name)
        const withheld = (yield* membership.withheld).map(({ feed }) => feed).sort()
        if (withheld.join() !== shown.withheld.join())
          trial.say(
            "withheld",
            `${withheld.length} feeds are told to be withheld, and by the rules ${shown.withheld.length} are`,
            peer.name
          )
        if (shown.withheld.length > 0) trial.met("withheld")
      })
    )
  }

  /** What members were told to have written is there, and what a remover had been shown of whom he removed. */
  private keeps({ name }: SimulatedPeer, members: ReadonlyArray<SimulatedPeer>, evaluation: Evaluation, shown: Shown): void {
    const isSure = (peer: string) =>
      !this.people.mayLack(peer) &&
      members.some((each) => each.name === peer) &&
      !members.some((each) => each.name === `${peer}~`)
    for (const { change, feed, peer } of this.written)
      if (isSure(peer) && shown.counting.has(feed) && !shown.changes.has(change))
        this.trial.say("lost", `${peer} was told that ${change} is durable, and it is not here`, name)
    const compromises = [...evaluation.effective].map((id) => evaluation.byId.get(id)!.deed)
    if (compromises.some((deed) => "voidFrom" in deed && deed.voidFrom !== null)) return
    for (const { host, removal, tasks } of this.kept) {
      // what a remover alone holds who is out himself comes late
      if (!evaluation.valid.has(removal) || !members.some((each) => each.name === host)) continue
      const counting = tasks.filter((task) => shown.counting.has(task.split(".")[0]!))
      this.trial.met("kept of who was removed", counting.length)
      for (const task of counting)
        if (!shown.created.has(task))
          this.trial.say("kept", `${task} had been seen by who removed its writer, and does not count`, name)
    }
  }

  /** Who was let in and is not in any more is shown that, since nobody is out of reach now. */
  private told(evaluation: Evaluation, members: ReadonlyArray<SimulatedPeer>) {
    const { people, trial } = this
    return Effect.gen({ self: this }, function* () {
      const wereIn = new Set([...evaluation.uses.values()].flatMap((grants) => grants.map(({ identity }) => identity)))
      const everIn = new Set(evaluation.devices())
      const areIn = new Set(members.map((peer) => people.of(peer).device))
      for (const peer of trial.peers) {
        if (!people.isKnown(peer) || !people.isIn(peer) || people.mayBeBlank(peer.name) || !this.isHonest(peer)) continue
        const { device, identity } = people.of(peer)
        if (areIn.has(device) || !wereIn.has(identity) || !everIn.has(device)) continue
        // who lies may be the only one whom the founder could have it from that he is in, until both meet
        const isIn = Effect.map(this.judged(this.founder), (now) => now.members().some(({ devices }) => devices.includes(device)))
        const asked = Effect.gen(function* () {
          for (;;) {
            if ((yield* people.in(peer, ({ membership }) => membership.removed)) !== null) return true
            if (yield* isIn) return false
            yield* Effect.sleep("1 second")
          }
        })
        const heard = yield* Effect.option(Effect.timeoutOption(asked, `${toldSeconds} seconds`))
        const isTold = Option.flatten(heard)
        if (Option.isSome(isTold)) trial.met("told that they are out", +isTold.value)
        else trial.say("who is out is told", `not within ${toldSeconds} s: ${yield* this.lineOf(peer)}`, peer.name)
      }
    })
  }

  /** Nobody stays connected to who is out. */
  private parted(evaluation: Evaluation, members: ReadonlyArray<SimulatedPeer>) {
    const devices = new Set(evaluation.members().flatMap((member) => member.devices))
    const areIn = ({ connected }: SpaceStatus) => connected.every((device) => devices.has(device))
    const look = (space: Space) => EffectStream.runHead(EffectStream.filter(space.status, areIn))
    return Effect.forEach(
      members,
      (peer) =>
        Effect.map(Effect.timeoutOption(this.people.in(peer, look), `${toldSeconds} seconds`), (found) => {
          if (Option.isNone(found)) this.trial.say("parted", "it stays connected to a device that is out", peer.name)
        }),
      { concurrency: "unbounded", discard: true }
    )
  }

  /** Removals at the same time as what they take away, or as each other. */
  private count(evaluation: Evaluation): void {
    const { authors, order } = evaluation
    const isApart = (a: string, b: string) => a !== b && !evaluation.isBefore(a, b) && !evaluation.isBefore(b, a)
    const removals = order.filter(({ deed, id }) => authors.has(id) && (deed.type === "Cap" || deed.type === "RemoveDevice"))
    for (const { deed, id } of removals) {
      const target = "identity" in deed ? deed.identity : ""
      const isOfTarget = (op: string) => authors.get(op)?.identity === target
      if (order.some((other) => isApart(id, other.id) && isOfTarget(other.id))) this.trial.met("concurrent with the removed")
      if (removals.some((other) => isApart(id, other.id))) this.trial.met("concurrent removals")
    }
    this.trial.met("operations", order.length)
    this.trial.met("quarantined", order.filter(({ id }) => evaluation.standing(id) === "quarantined").length)
  }
}
