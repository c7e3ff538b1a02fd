/**
 * Random histories of a space's membership, of honest members and of some who back-date: who signs, what they have seen and what they do
 * is drawn from a seed.
 */
import type { Deed, Operation, Role, Subject } from "../../src/schema/halo/Operation.ts"

export type Draw = (below: number) => number

export const drawer = (seed: number): Draw => {
  let state = (seed * 7919) % 2_147_483_647 || 1
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below
}

/** A right that somebody was given, whether it holds or not. */
export interface Held {
  readonly key: string
  readonly proof: string
  readonly identity: string
  readonly kind: "device" | "recovery" | "invite"
}

export const subjectOf = (identity: string, device: string): Subject => ({ identity, recovery: `R${identity}`, device })

export class Graph {
  readonly operations: Array<Operation> = []
  readonly held: Array<Held> = []
  readonly identities: Array<string> = ["A"]
  readonly devices: Array<Held> = []
  private readonly pasts = new Map<string, ReadonlySet<string>>()
  private readonly lastBy = new Map<string, string>()
  private readonly invites: Array<string> = []
  private readonly draw: Draw

  constructor(seed: number, isLocked = false) {
    this.draw = drawer(seed)
    const id = this.put("A1", null, [], { type: "Genesis", subject: subjectOf("A", "A1"), isLocked })
    this.hold("A1", id, "A", "device")
    this.hold("RA", id, "A", "recovery")
  }

  pick<A>(list: ReadonlyArray<A>): A {
    return list[this.draw(list.length)]!
  }

  past(id: string): ReadonlySet<string> {
    return this.pasts.get(id)!
  }

  private hold(key: string, proof: string, identity: string, kind: Held["kind"]): void {
    const held = { key, proof, identity, kind }
    this.held.push(held)
    if (kind === "device") this.devices.push(held)
  }

  /** Adds an operation whose signer has seen what is named, and all that came before it. */
  put(by: string, proof: string | null, seen: ReadonlyArray<string>, deed: Deed): string {
    const view = new Set(seen.flatMap((id) => [id, ...this.past(id)]))
    const covered = new Set([...view].flatMap((id) => [...this.past(id)]))
    const parents = [...view].filter((id) => !covered.has(id)).sort()
    const id = `${String(this.draw(1_000_000)).padStart(6, "0")}-${this.operations.length}`
    this.operations.push({ id, parents, by, proof, deed })
    this.pasts.set(id, view)
    this.lastBy.set(by, id)
    return id
  }

  grow(size: number): this {
    while (this.operations.length < size) this.step()
    return this
  }

  private step(): void {
    const { draw } = this
    const signer = draw(4) === 0 ? this.held[0]! : this.pick(this.held.slice(-14))
    const isHonest = draw(100) >= 35
    const last = this.lastBy.get(signer.key)
    const seen = [signer.proof, ...(isHonest && last !== undefined ? [last] : [])]
    for (let left = draw(4); left > 0; left--) seen.push(this.pick(isHonest ? this.operations.slice(-6) : this.operations).id)
    const view = new Set(seen.flatMap((id) => [id, ...this.past(id)]))
    const deed = this.deed(signer, view)
    const id = this.put(signer.key, signer.proof, seen, deed)
    if (deed.type === "Admit" || deed.type === "Redeem") {
      this.hold(deed.subject.device, id, deed.subject.identity, "device")
      if (draw(10) < 3) this.hold(deed.subject.recovery, id, deed.subject.identity, "recovery")
    } else if (deed.type === "AddDevice") this.hold(deed.device, id, signer.identity, "device")
    else if (deed.type === "Invite") {
      this.hold(deed.key, id, "", "invite")
      this.invites.push(id)
    }
  }

  /** The role that an invitation is for. */
  offered({ proof }: Held): Role {
    const invite = this.operations.find(({ id }) => id === proof)
    return invite?.deed.type === "Invite" ? invite.deed.role : 1
  }

  private newDevice(identity: string): string {
    return `${identity}.${this.operations.length}`
  }

  private newcomer(known: number): Subject {
    const identity = this.draw(100) < known ? this.pick(this.identities) : `I${this.operations.length}`
    if (!this.identities.includes(identity)) this.identities.push(identity)
    return subjectOf(identity, this.newDevice(identity))
  }

  private removal(identity: string, view: ReadonlySet<string>): Deed {
    const device = this.pick(this.devices.filter((each) => each.identity === identity).concat(this.devices[0]!)).key
    return { type: "RemoveDevice", identity, device, frontier: [], voidFrom: this.voidFrom(view) }
  }

  private voidFrom(view: ReadonlySet<string>): string | null {
    return this.draw(10) < 3 ? this.pick([...view]) : null
  }

  private deed(signer: Held, view: ReadonlySet<string>): Deed {
    const { draw } = this
    const chance = draw(100)
    if (signer.kind === "invite") {
      const hosts = this.devices.filter(({ proof }) => view.has(proof))
      const host = hosts.length > 0 ? this.pick(hosts) : signer
      return { type: "Redeem", subject: this.newcomer(0), role: this.offered(signer), host: host.key, hostProof: host.proof }
    }
    if (signer.kind === "recovery") {
      if (chance < 4) return { type: "Leave" }
      return chance < 50 ? { type: "AddDevice", device: this.newDevice(signer.identity) } : this.removal(signer.identity, view)
    }
    if (chance < 22) return { type: "Admit", subject: this.newcomer(30), role: this.pick([1, 2, 3, 4] as const) }
    if (chance < 36) return { type: "AddDevice", device: this.newDevice(signer.identity) }
    if (chance < 52) {
      const maxRole = this.pick([0, 0, 1, 2, 3] as const)
      return { type: "Cap", identity: this.pick(this.identities), maxRole, frontier: [], voidFrom: this.voidFrom(view) }
    }
    if (chance < 55) return { type: "Leave" }
    if (chance < 70) return this.removal(draw(10) < 6 ? signer.identity : this.pick(this.identities), view)
    if (chance < 76) {
      const hosts = this.pick(["admins", "members", "members"] as const)
      return { type: "Invite", key: `K${this.operations.length}`, role: this.pick([1, 2, 3] as const), hosts }
    }
    if (chance < 80 && this.invites.length > 0) return { type: "RevokeInvite", invite: this.pick(this.invites) }
    if (chance < 82) return { type: "SetPolicy", isLocked: draw(3) === 0 }
    return chance < 91 ? { type: "KeyRotate" } : { type: "AdmitFeed", feed: `F${this.operations.length}`, device: signer.key }
  }
}

/** The operations in another order, parents before children. */
export const reordered = (operations: ReadonlyArray<Operation>, draw: Draw): ReadonlyArray<Operation> => {
  const left = new Map(operations.map((each) => [each.id, each]))
  const order: Array<Operation> = []
  while (left.size > 0) {
    const ready = [...left.values()].filter(({ parents }) => !parents.some((parent) => left.has(parent)))
    const next = ready[draw(ready.length)]!
    left.delete(next.id)
    order.push(next)
  }
  return order
}
