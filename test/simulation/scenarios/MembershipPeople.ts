/**
 * The people of the scenario of membership: their identities, how they let each other in by texts, and the space as each opens it.
 *
 * Texts go from hand to hand, so nobody has to be connected: only both have to be up.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type { Space } from "../../../src/services/echo/SpaceService.ts"
import { OperationStore, type SpaceOperations } from "../../../src/services/halo/OperationStore.ts"
import type { RoleName } from "../../../src/services/halo/SpaceMembership.ts"
import { Peer } from "../../../src/services/peer/Peer.ts"
import type { SimulatedPeer } from "../../../src/services/simulation/World.ts"

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
  /** Those whose disk was put back, perhaps to before they came in. */
  private readonly forgetful = new Set<string>()

  /** A copy of a device is the same person's. */
  of(peer: { readonly name: string }): OnePerson {
    return this.people.get(baseOf(peer.name))!
  }

  /** The one device of an identity. */
  deviceOf(identity: string): string | undefined {
    return [...this.people.values()].find((person) => person.identity === identity)?.device
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
      const welcome = this.mayLack(peer.name) ? this.welcomes.get(baseOf(peer.name)) : undefined
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
    })
  }
}

/** Who may know nothing of the space enters with what he was given; it may be that he is not in any more. */
const entered = (ticket: string, welcome: string | undefined) =>
  Effect.flatMap(Peer, ({ enter, spaces }) =>
    welcome === undefined ? spaces.open(ticket) : Effect.catchTag(enter(welcome), "NotPermitted", () => spaces.open(ticket))
  )

const baseOf = (name: string): string => name.replace("~", "")
