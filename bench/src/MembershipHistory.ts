/**
 * A large space's operations as they were signed: four owners, whom the founder let in, work at two places each and rarely hear of one another.
 *
 * Every fifth operation takes something away. With it one more operation of each kind, on top of all, and three removals of an owner who has
 * let in more than a thousand.
 */
import type { Role } from "../../src/schema/halo/Operation.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { type Draw, drawer } from "../../test/halo/Graphs.ts"
import { forkProofOf, keyOf, type Made, made, manifestOf, named, Person } from "../../test/halo/People.ts"

export interface Another {
  readonly kind: string
  readonly bytes: Uint8Array
}

export interface History {
  readonly space: Uint8Array
  /** Parents first. */
  readonly operations: ReadonlyArray<Uint8Array>
  readonly revocations: number
  readonly more: ReadonlyArray<Another>
}

/** Somebody with one of his devices, and the operation that granted it. */
interface Member {
  readonly person: Person
  readonly device: string
  readonly proof: Uint8Array
}

/** A place where somebody works, with what is known there. */
interface Lane {
  readonly admins: ReadonlyArray<Member>
  readonly editors: Array<Member>
  /** Second devices, and those who had them added. */
  readonly added: Array<{ readonly by: Member; readonly device: string }>
  readonly invites: Array<{ readonly key: string; readonly id: Uint8Array; readonly by: Member }>
  head: Uint8Array
}

const branches = 4
const adminsOfLane = 8
const roles = { owner: 4, admin: 3, editor: 2 } as const

class Writing {
  readonly operations: Array<Uint8Array> = []
  readonly founder: Member
  readonly space: Uint8Array
  readonly owners: ReadonlyArray<Member>
  readonly lanes: ReadonlyArray<Lane>
  revocations = 0
  private readonly draw: Draw = drawer(7)
  private people = 0

  constructor() {
    const person = new Person("founder")
    const genesis = made(
      { space: new Uint8Array(32), parents: [], proof: null, time: 0, payload: person.founding("laptop") },
      keyOf("laptop")
    )
    this.operations.push(genesis.bytes)
    this.space = genesis.id
    this.founder = { person, device: "laptop", proof: genesis.id }
    this.owners = Array.from({ length: branches }, () => this.admit(this.founder, [genesis.id], roles.owner))
    this.lanes = this.owners.flatMap((owner) => [this.lane(owner), this.lane(owner)])
  }

  private pick<A>(list: ReadonlyArray<A>): A {
    return list[this.draw(list.length)]!
  }

  put(by: Member, parents: ReadonlyArray<Uint8Array>, payload: Payload): Made {
    return this.sign(by.device, by.proof, parents, payload)
  }

  sign(key: string, proof: Uint8Array, parents: ReadonlyArray<Uint8Array>, payload: Payload): Made {
    // times differ, so that no two operations are one
    const operation = made({ space: this.space, parents, proof, time: this.operations.length, payload }, keyOf(key))
    this.operations.push(operation.bytes)
    return operation
  }

  newcomer(): { readonly person: Person; readonly device: string } {
    const name = `m${this.people++}`
    return { person: new Person(name), device: `${name}, phone` }
  }

  private admit(by: Member, parents: ReadonlyArray<Uint8Array>, role: Role): Member {
    const { device, person } = this.newcomer()
    const { id } = this.put(by, parents, person.admission(this.space, device, role))
    return { person, device, proof: id }
  }

  private lane(owner: Member): Lane {
    let head = owner.proof
    const admins: Array<Member> = []
    for (let n = 0; n < adminsOfLane; n++) {
      const admin = this.admit(owner, [head], roles.admin)
      admins.push(admin)
      head = admin.proof
    }
    return { admins, editors: [], added: [], invites: [], head }
  }

  step(at: number): void {
    const lane = this.pick(this.lanes)
    // now and then another place is heard of
    const parents = this.draw(8) === 0 ? [...new Set([lane.head, this.pick(this.lanes).head])] : [lane.head]
    const isRevocation = this.revocations < Math.floor(at / 5) && lane.editors.length > 1
    if (isRevocation) this.revocations++
    lane.head = isRevocation ? this.takeAway(lane, parents) : this.give(lane, parents)
  }

  private takeAway(lane: Lane, parents: ReadonlyArray<Uint8Array>): Uint8Array {
    const chance = this.draw(20)
    if (chance < 5 && lane.added.length > 0) {
      const { by, device } = lane.added.pop()!
      return this.put(by, parents, removal(by.person, device)).id
    }
    if (chance < 9 && lane.invites.length > 1) {
      const { by, id } = lane.invites.shift()!
      return this.put(by, parents, { type: "RevokeInvite", invite: id }).id
    }
    // somebody of another place, where it is not known yet
    if (chance < 11) return this.put(this.pick(lane.admins), parents, cap(this.pick(this.lanes).editors[0]!.person, null)).id
    const [gone] = lane.editors.splice(this.draw(lane.editors.length), 1)
    if (chance < 13) return this.put(gone!, parents, { type: "Leave" }).id
    const voidFrom = chance < 15 ? gone!.proof : null
    return this.put(this.pick(lane.admins), parents, cap(gone!.person, voidFrom)).id
  }

  private give(lane: Lane, parents: ReadonlyArray<Uint8Array>): Uint8Array {
    const chance = this.draw(80)
    if (chance < 6 && lane.invites.length > 0) return this.redeem(lane, parents)
    if (chance < 50 || lane.editors.length === 0) {
      const editor = this.admit(this.pick(lane.admins), parents, roles.editor)
      lane.editors.push(editor)
      return editor.proof
    }
    const by = this.pick(lane.editors)
    const name = `${this.operations.length}`
    if (chance < 62) {
      const { id } = this.put(by, parents, by.person.addDevice(name))
      lane.added.push({ by, device: name })
      return id
    }
    if (chance < 68) return this.put(by, parents, { type: "AdmitFeed", manifest: manifestOf(this.space, by.device, name) }).id
    if (chance < 74) return this.put(by, parents, rotation).id
    const admin = this.pick(lane.admins)
    const { id } = this.put(admin, parents, invitation(name))
    lane.invites.push({ key: name, id, by: admin })
    return id
  }

  private redeem(lane: Lane, parents: ReadonlyArray<Uint8Array>): Uint8Array {
    const { id: invite, key } = this.pick(lane.invites)
    const host = this.pick(lane.admins)
    const { device, person } = this.newcomer()
    const hosting = { invite, host: host.device, hostProof: host.proof }
    const { id } = this.sign(key, invite, parents, person.redemption(this.space, device, roles.editor, hosting))
    lane.editors.push({ person, device, proof: id })
    return id
  }

  /** One more of each kind, all of them on top of `last`, and of nothing else. */
  more(last: Uint8Array): ReadonlyArray<Another> {
    const { founder, space } = this
    const [lane] = this.lanes
    const { editors, invites } = lane!
    const { id: invite, key } = invites[0]!
    const on = (kind: string, payload: Payload, by = founder, parents = [last]): Another => ({
      kind,
      bytes: this.put(by, parents, payload).bytes
    })
    const [newcomer, guest] = [this.newcomer(), this.newcomer()]
    const hosting = { invite, host: founder.device, hostProof: founder.proof }
    const seen = { feed: keyOf("feed").publicKey, length: 3, counter: 41, root16: named("root").slice(0, 16) }
    const redemption = guest.person.redemption(space, guest.device, roles.editor, hosting)
    const [plain, compromised, offline] = this.owners
    return [
      on("Admit", newcomer.person.admission(space, newcomer.device, roles.editor)),
      on("AddDevice", founder.person.addDevice("tablet")),
      on("RemoveDevice", removal(editors[0]!.person, editors[0]!.device)),
      on("Cap", cap(editors[1]!.person, null)),
      on("Leave", { type: "Leave" }, editors[2]),
      on("SetPolicy", { type: "SetPolicy", isLocked: true }),
      on("Invite", invitation("one more")),
      { kind: "Redeem", bytes: this.sign(key, invite, [last], redemption).bytes },
      on("CloseInvite", { type: "CloseInvite", invite }),
      on("RevokeInvite", { type: "RevokeInvite", invite }),
      on("AdmitFeed", { type: "AdmitFeed", manifest: manifestOf(space, founder.device, "feed") }),
      on("KeyRotate", rotation),
      on("KeyWrap", { type: "KeyWrap", content: rotation.content }),
      on("Endorse", { type: "Endorse", feeds: [seen] }),
      on("ForkProof", { type: "ForkProof", proof: forkProofOf("feed") }),
      on("an owner removed", cap(plain!.person, null)),
      on("an owner removed from his admission on", cap(compromised!.person, compromised!.proof)),
      on("an owner removed by who saw nothing of his", cap(offline!.person, null), founder, [offline!.proof])
    ]
  }
}

const cap = ({ identity }: Person, voidFrom: Uint8Array | null): Payload => ({
  ...{ type: "Cap", identity, maxRole: 0 },
  ...{ frontier: [], voidFrom }
})

const removal = ({ identity }: Person, device: string): Payload => ({
  ...{ type: "RemoveDevice", identity, device: keyOf(device).publicKey },
  ...{ reason: 0, frontier: [], voidFrom: null }
})

const invitation = (key: string): Payload => ({
  ...{ type: "Invite", key: keyOf(key).publicKey, role: roles.editor },
  ...{ maxUses: 100, expiresAt: 1_800_000_000_000, hosts: "members", secret: named(key).slice(0, 16) }
})

const rotation = { type: "KeyRotate", content: encode([]) } as const

/** So many operations; the last one has all others in its past. */
export const historyOf = (size: number): History => {
  const writing = new Writing()
  while (writing.operations.length < size - 1) writing.step(writing.operations.length)
  const heads = writing.lanes.map(({ head }) => head)
  const last = writing.put(writing.founder, heads, rotation)
  const operations = [...writing.operations]
  return { space: writing.space, operations, revocations: writing.revocations, more: writing.more(last.id) }
}
