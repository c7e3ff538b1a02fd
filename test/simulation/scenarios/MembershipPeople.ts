/**
 * The people of the scenario of membership: their identities, how they let each other in by texts, and the space as each opens it.
 *
 * Texts go from hand to hand, so nobody has to be connected: only both have to be up.
 */
import { createHash } from "node:crypto"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { spaceText } from "../../../src/schema/echo/Space.ts"
import { decodeAcceptance } from "../../../src/schema/halo/Admission.ts"
import type { Space } from "../../../src/services/echo/SpaceService.ts"
import { OperationStore, type SpaceOperations } from "../../../src/services/halo/OperationStore.ts"
import type { Revoking, RoleName } from "../../../src/services/halo/SpaceMembership.ts"
import { Peer } from "../../../src/services/peer/Peer.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()

/** Nobody has let this peer in yet. */
class NotIn extends Data.TaggedError("NotIn")<{ readonly peer: string }> {}

interface OnePerson {
  /** The identity, and the key of its device, as text. */
  readonly identity: string
  readonly device: string
  readonly phrase: Redacted.Redacted<string>
}

export class People {
  /** The space's id, once it is founded. */
  space: Uint8Array = new Uint8Array()
  private readonly people = new Map<string, OnePerson>()
  private readonly tickets = new Map<string, string>()
  /** The last text with which somebody was let in. */
  private readonly welcomes = new Map<string, string>()
  /** Peers that became a device of somebody's later on: whose, and the keys that it has accepted as. */
  private readonly added = new Map<string, { readonly identity: string; readonly keys: Set<string> }>()
  /** Which copy of a device has entered with that. */
  private readonly entered = new Map<string, string>()
  /** Those whose disk was put back, perhaps to before they came in. */
  private readonly forgetful = new Set<string>()

  /** Whose device a peer is; a copy of a device is the same person's. */
  of(peer: { readonly name: string }): OnePerson {
    return this.people.get(baseOf(peer.name))!
  }

  /** Whether it is somebody's device. */
  isKnown(peer: { readonly name: string }): boolean {
    return this.people.has(baseOf(peer.name))
  }

  isDeviceOf(identity: string, device: string): boolean {
    const isAdded = [...this.added.values()].some((one) => one.identity === identity && one.keys.has(device))
    return isAdded || [...this.people.values()].some((person) => person.identity === identity && person.device === device)
  }

  /** The other device of the same person, if there is one. */
  siblingOf(peer: { readonly name: string }): (OnePerson & { readonly name: string }) | undefined {
    const own = this.people.get(baseOf(peer.name))
    const found = [...this.people].find(([, person]) => person !== own && person.identity === own?.identity)
    return found === undefined ? undefined : { ...found[1], name: found[0] }
  }

  /** Whether a device that came later may have lost its keys: they are made when it is added, and a disk may be put back to before. */
  mayBeBlank(name: string): boolean {
    return this.added.has(baseOf(name)) && this.mayLack(name)
  }

  isIn(peer: { readonly name: string }): boolean {
    return this.tickets.has(baseOf(peer.name))
  }

  /** The disk of a peer was put back. */
  putBack(peer: string): void {
    this.forgetful.add(peer)
  }

  create(peer: SimulatedPeer) {
    const made = peer.run(Effect.flatMap(Peer, ({ identities }) => identities.create({ name: peer.name })))
    return Effect.map(made, ({ identity: { device, id: identity }, phrase }) => {
      this.people.set(peer.name, { identity, device, phrase })
    })
  }

  /** Makes a peer that is nobody's another device of a person; nothing where it is somebody's. Answers whether it did. */
  addDevice(peer: SimulatedPeer, spare: SimulatedPeer) {
    return Effect.gen({ self: this }, function* () {
      const { identity: id, phrase } = this.of(peer)
      const ticket = this.tickets.get(baseOf(peer.name))
      const added = this.added.get(spare.name) ?? { identity: id, keys: new Set() }
      if (this.isKnown(spare) || ticket === undefined || added.identity !== id) return false
      this.added.set(spare.name, added)
      const own = Effect.flatMap(Peer, ({ identities }) => identities.get(id))
      const offer = yield* peer.run(Effect.map(own, (identity) => identity.offer))
      const acceptance = yield* spare.run(Effect.flatMap(Peer, ({ accept }) => accept(offer)))
      const accepted = Result.getOrThrow(decodeAcceptance(acceptance, sha256))
      added.keys.add(Base64Url.encode(accepted.device))
      const welcome = yield* peer.run(Effect.flatMap(own, ({ admit }) => admit(acceptance)))
      yield* spare.run(Effect.flatMap(Peer, ({ enter }) => enter(welcome)))
      const { device } = yield* spare.run(own)
      this.people.set(spare.name, { identity: id, device, phrase })
      // a person who is out brings it to his own space alone
      const isBrought = (yield* spare.run(Effect.flatMap(Peer, ({ spaces }) => spaces.list))).some(
        (one) => one.id === spaceText(this.space)
      )
      if (isBrought) this.tickets.set(spare.name, ticket)
      if (isBrought) this.welcomes.set(spare.name, welcome)
      if (isBrought) this.entered.set(spare.name, spare.name)
      return true
    })
  }

  /** Takes another device of a person away, everywhere. */
  revoke(peer: SimulatedPeer, device: string, options: Revoking) {
    const own = Effect.flatMap(Peer, ({ identities }) => identities.get(this.of(peer).identity))
    return peer.run(Effect.flatMap(own, ({ revoke }) => revoke(device, options)))
  }

  found(peer: SimulatedPeer) {
    const founded = peer.run(Effect.flatMap(Peer, ({ spaces }) => spaces.create({ name: "Home" })))
    return Effect.map(founded, ({ id, ticket }) => {
      this.space = Result.getOrThrow(Base64Url.decode(id))
      this.tickets.set(peer.name, ticket)
    })
  }

  /** Uses the space in the present life of a peer, opening it when it is not open there. */
  in<A, E>(peer: SimulatedPeer, use: (space: Space) => Effect.Effect<A, E>) {
    return Effect.gen({ self: this }, function* () {
      const ticket = this.tickets.get(baseOf(peer.name))
      if (ticket === undefined) return yield* new NotIn({ peer: peer.name })
      const isOther = this.entered.get(baseOf(peer.name)) !== peer.name
      const welcome = this.mayLack(peer.name) || isOther ? this.welcomes.get(baseOf(peer.name)) : undefined
      return yield* peer.run(Effect.flatMap(entered(ticket, welcome), use))
    })
  }

  /** Whether a device may hold a disk of before its person was let in. */
  mayLack(name: string): boolean {
    return name.endsWith("~") || this.forgetful.has(name)
  }

  /** Looks at the operations that a peer holds. */
  operations<A, E>(peer: SimulatedPeer, use: (operations: SpaceOperations) => Effect.Effect<A, E>) {
    return peer.run(Effect.scoped(Effect.flatMap(OperationStore, ({ open }) => Effect.flatMap(open(this.space, null), use))))
  }

  /** Lets a peer in by another, or gives it another role. */
  letIn(host: SimulatedPeer, guest: SimulatedPeer, role: RoleName) {
    return Effect.gen({ self: this }, function* () {
      const offer = yield* this.in(host, ({ membership }) => membership.offer(role))
      const acceptance = yield* guest.run(Effect.flatMap(Peer, ({ accept }) => accept(offer)))
      const welcome = yield* this.in(host, ({ membership }) => membership.admit(acceptance))
      const { ticket } = yield* guest.run(Effect.flatMap(Peer, ({ enter }) => enter(welcome)))
      this.tickets.set(baseOf(guest.name), ticket)
      this.welcomes.set(baseOf(guest.name), welcome)
      this.entered.set(baseOf(guest.name), guest.name)
    })
  }
}

/** Who may know nothing of the space enters with what he was given; it may be that he is not in any more. */
const entered = (ticket: string, welcome: string | undefined) =>
  Effect.flatMap(Peer, ({ enter, spaces }) =>
    welcome === undefined ? spaces.open(ticket) : Effect.catchTag(enter(welcome), "NotPermitted", () => spaces.open(ticket))
  )

const baseOf = (name: string): string => name.replace("~", "")
