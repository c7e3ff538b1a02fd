/** Who may do what, by examples: each is an attack, or an accident, that other systems decide otherwise. */
import { assert, describe, it } from "@effect/vitest"
import { acceptedPrefix } from "../../src/schema/halo/AcceptedPrefix.ts"
import { Membership } from "../../src/schema/halo/Membership.ts"
import type { Deed, Operation, Role } from "../../src/schema/halo/Operation.ts"
import { Graph, subjectOf } from "./Graphs.ts"

/** A space that Alice founded (device A1, recovery key RA), in which operations are put by hand. */
class Told {
  private readonly graph = new Graph(1)
  readonly genesis = this.graph.operations[0]!.id

  put(by: string, proof: string, seen: ReadonlyArray<string>, deed: Deed): string {
    return this.graph.put(by, proof, [proof, ...seen], deed)
  }

  admit(by: string, proof: string, who: string, role: Role, seen: ReadonlyArray<string> = []): string {
    return this.put(by, proof, seen, { type: "Admit", subject: subjectOf(who, `${who}1`), role })
  }

  /** Takes everything from somebody. */
  remove(by: string, proof: string, identity: string, seen: ReadonlyArray<string>, voidFrom: string | null = null): string {
    return this.put(by, proof, seen, { type: "Cap", identity, maxRole: 0, frontier: [], voidFrom })
  }

  get evaluated(): Membership {
    const membership = new Membership()
    membership.add(this.graph.operations)
    return membership
  }

  get members(): string {
    return this.evaluated
      .members()
      .map(({ devices, identity, role }) => `${identity} ${role} ${devices.join("+")}`)
      .join(", ")
  }
}

describe("Membership", () => {
  it("lets in whom an admin admits, and whom he admits in turn, never above himself", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 3)
    told.admit("B1", bob, "C", 2)
    const above = told.admit("B1", bob, "D", 3)
    assert.strictEqual(told.members, "A 4 A1, B 3 B1, C 2 C1")
    assert.strictEqual(told.evaluated.standing(above), "malformed")
  })

  it("[S9] nothing that a removed member back-dates changes anything", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 3)
    const removal = told.remove("A1", told.genesis, "B", [bob])
    const members = told.members
    const late = [
      told.admit("B1", bob, "M", 2),
      told.remove("B1", bob, "A", []),
      told.put("B1", bob, [], { type: "AddDevice", device: "B2" }),
      told.put("B1", bob, [removal], { type: "KeyRotate" })
    ]
    assert.strictEqual(told.members, members)
    for (const id of late) assert.notStrictEqual(told.evaluated.standing(id), "valid")
  })

  it("a member who was removed takes along whom he admitted unseen, and nobody whom his remover had seen", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 3)
    const seen = told.admit("B1", bob, "C", 2)
    const unseen = told.admit("B1", bob, "D", 2)
    told.remove("A1", told.genesis, "B", [seen])
    assert.strictEqual(told.members, "A 4 A1, C 2 C1")
    assert.strictEqual(told.evaluated.standing(unseen), "quarantined")
  })

  it("[S10] a phrase undoes the last hour of a stolen founder's laptop, though it had removed an admin in it", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 3)
    const theft = told.admit("A1", told.genesis, "M", 4, [bob])
    const harm = told.remove("A1", told.genesis, "B", [theft])
    const fresh = told.put("RA", told.genesis, [], { type: "AddDevice", device: "A2" })
    told.put("RA", told.genesis, [harm, fresh], {
      type: "RemoveDevice",
      identity: "A",
      device: "A1",
      frontier: [],
      voidFrom: theft
    })
    assert.strictEqual(told.members, "A 4 A2, B 3 B1")
  })

  it("a stolen junior device loses to its owner's elder one, and to the phrase, whatever it does first", () => {
    const told = new Told()
    const second = told.put("A1", told.genesis, [], { type: "AddDevice", device: "A2" })
    told.put("A2", second, [], { type: "RemoveDevice", identity: "A", device: "A1", frontier: [], voidFrom: null })
    assert.strictEqual(told.members, "A 4 A1+A2")
    told.put("A1", told.genesis, [second], { type: "RemoveDevice", identity: "A", device: "A2", frontier: [], voidFrom: null })
    assert.strictEqual(told.members, "A 4 A1")
    told.put("RA", told.genesis, [], { type: "RemoveDevice", identity: "A", device: "A1", frontier: [], voidFrom: null })
    assert.strictEqual(told.members, "A 4 ")
  })

  it("tells of who is out all that this rests on: what took his right away, and what lets that stand although it was cut off", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 3)
    const carol = told.admit("B1", bob, "C", 2)
    const removal = told.remove("B1", bob, "C", [carol])
    // the phrase takes the remover's device away, and has not seen what it did
    const lost = { type: "RemoveDevice", identity: "B", device: "B1", frontier: [], voidFrom: null } as const
    told.put("RB", bob, [carol], lost)
    assert.strictEqual(told.members, "A 4 A1, B 3 , C 2 C1")
    assert.deepStrictEqual(told.evaluated.device("C1").standing, "member")
    // whose phrase that was had no right any more
    const removalOfBob = told.remove("A1", told.genesis, "B", [removal])
    assert.strictEqual(told.members, "A 4 A1")
    assert.deepStrictEqual([...told.evaluated.causesOf("C1")].sort(), [removal, removalOfBob].sort())
  })

  it("nobody is above a member who was also admitted higher than he may reach", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 3)
    const carol = told.admit("B1", bob, "C", 2)
    assert.isTrue(told.evaluated.isAbove("B1", "C"))
    told.admit("A1", told.genesis, "C", 3, [carol])
    assert.deepStrictEqual([told.evaluated.isAbove("B1", "C"), told.evaluated.isAbove("A1", "C")], [false, true])
    // by his own right he takes the lower one alone, and the other stays
    told.remove("B1", bob, "C", [carol])
    assert.strictEqual(told.members, "A 4 A1, B 3 B1, C 3 C1")
  })

  it("equals cannot remove each other, nor a cycle of them all", () => {
    const told = new Told()
    const [bob, cy, dan] = ["B", "C", "D"].map((who) => told.admit("A1", told.genesis, who, 3))
    told.remove("B1", bob!, "C", [cy!])
    told.remove("C1", cy!, "D", [dan!])
    told.remove("D1", dan!, "B", [bob!])
    assert.strictEqual(told.members, "A 4 A1, B 3 B1, C 3 C1, D 3 D1")
  })

  it("a removal beats what re-admits at the same time, and what re-admits later beats the removal", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 2)
    const cy = told.admit("A1", told.genesis, "C", 3)
    const removal = told.remove("A1", told.genesis, "B", [bob, cy])
    told.admit("C1", cy, "B", 2, [bob])
    assert.strictEqual(told.members, "A 4 A1, C 3 C1")
    told.admit("C1", cy, "B", 1, [removal])
    assert.strictEqual(told.members, "A 4 A1, B 1 B1, C 3 C1")
  })

  it("who leaves takes nothing along, and nothing back", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 3)
    told.admit("B1", bob, "C", 2)
    const leave = told.put("B1", bob, [], { type: "Leave" })
    told.admit("B1", bob, "D", 2)
    const after = told.admit("B1", bob, "E", 2, [leave])
    assert.strictEqual(told.members, "A 4 A1, C 2 C1, D 2 D1")
    assert.strictEqual(told.evaluated.standing(after), "quarantined")
  })

  it("an owner leaves with the phrase alone", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 4)
    assert.strictEqual(told.evaluated.standing(told.put("A1", told.genesis, [bob], { type: "Leave" })), "malformed")
    told.put("RA", told.genesis, [bob], { type: "Leave" })
    assert.strictEqual(told.members, "B 4 B1")
  })

  it("an invitation lets in with a host that outranks whom it lets in, and who cuts it off cuts off nobody who came in before", () => {
    const told = new Told()
    const bob = told.admit("A1", told.genesis, "B", 1)
    const invite = told.put("A1", told.genesis, [bob], { type: "Invite", key: "K", role: 2, hosts: "members" })
    const redeem = (who: string, host: string, hostProof: string, seen: ReadonlyArray<string> = [], role: Role = 2) =>
      told.put("K", invite, [hostProof, ...seen], { type: "Redeem", subject: subjectOf(who, `${who}1`), role, host, hostProof })
    redeem("C", "A1", told.genesis)
    const low = redeem("D", "B1", bob)
    const other = redeem("G", "A1", told.genesis, [], 3)
    const closed = told.put("A1", told.genesis, [redeem("E", "A1", told.genesis)], { type: "RevokeInvite", invite })
    const late = redeem("F", "A1", told.genesis, [closed])
    assert.strictEqual(told.members, "A 4 A1, B 1 B1, E 2 E1")
    assert.deepStrictEqual(
      [low, other, late].map((id) => told.evaluated.standing(id)),
      ["malformed", "malformed", "quarantined"]
    )
  })

  it("[S57] in a locked space nobody is admitted, but by who had not seen that it is locked", () => {
    const told = new Told()
    const locked = told.put("A1", told.genesis, [], { type: "SetPolicy", isLocked: true })
    const unseeing = told.admit("A1", told.genesis, "B", 2)
    const seeing = told.admit("A1", told.genesis, "C", 2, [locked])
    const open = told.put("A1", told.genesis, [locked, seeing], { type: "SetPolicy", isLocked: false })
    told.admit("A1", told.genesis, "D", 2, [open])
    assert.strictEqual(told.members, "A 4 A1, B 2 B1, D 2 D1")
    assert.deepStrictEqual(
      [unseeing, seeing].map((id) => told.evaluated.standing(id)),
      ["valid", "malformed"]
    )
  })

  it("[S57] what a removed admin locked unseen is open, though an accomplice builds upon it, and shut again where it was locked before", () => {
    for (const isLockedBefore of [false, true]) {
      const told = new Told()
      const bob = told.admit("A1", told.genesis, "B", 3)
      const carol = told.admit("A1", told.genesis, "C", 2, [bob])
      const before = told.put("A1", told.genesis, [carol], { type: "SetPolicy", isLocked: isLockedBefore })
      const other = told.put("B1", bob, [before], { type: "SetPolicy", isLocked: !isLockedBefore })
      const removal = told.remove("A1", told.genesis, "B", [before])
      const accomplice = told.put("C1", carol, [other], { type: "AddDevice", device: "C2" })
      const dan = told.admit("A1", told.genesis, "D", 2, [accomplice, removal])
      const { evaluated } = told
      assert.strictEqual(evaluated.standing(accomplice), "valid")
      assert.strictEqual(evaluated.standing(other), "quarantined")
      assert.strictEqual(evaluated.isLockedNow(), isLockedBefore)
      assert.strictEqual(evaluated.standing(dan), isLockedBefore ? "malformed" : "valid")
    }
  })

  it("a founder removes a member with a thousand descendants, whom he has not seen", () => {
    const founder = new Graph(1).operations[0]!
    const operations: Array<Operation> = [founder]
    for (let i = 0; i <= 1_000; i++) {
      const above = operations[i]!
      const deed: Deed = { type: "Admit", subject: subjectOf(`D${i}`, `D${i}`), role: 4 }
      operations.push({ id: `${i}`, parents: [above.id], by: i === 0 ? "A1" : `D${i - 1}`, proof: above.id, deed })
    }
    const membership = new Membership()
    membership.add(operations)
    assert.strictEqual(membership.members().length, 1_002)
    const deed: Deed = { type: "Cap", identity: "D0", maxRole: 0, frontier: [], voidFrom: null }
    membership.add([{ id: "removal", parents: ["0"], by: "A1", proof: founder.id, deed }])
    assert.deepStrictEqual(
      membership.members().map(({ identity }) => identity),
      ["A"]
    )
  })
})

describe("AcceptedPrefix", () => {
  const open = { floor: 0, freeze: Number.POSITIVE_INFINITY }
  const of = (told: Told, bounds = open) => acceptedPrefix(told.evaluated, "F", bounds)
  const started = (role: Role = 2) => {
    const told = new Told()
    const cy = told.admit("A1", told.genesis, "C", 3)
    const bob = told.admit("A1", told.genesis, "B", role)
    const feed = told.put("B1", bob, [], { type: "AdmitFeed", feed: "F", device: "B1" })
    const theft = told.put("B1", bob, [feed], { type: "KeyWrap" })
    return { told, bob, cy, theft }
  }
  const cap = (
    told: Told,
    by: string,
    proof: string,
    counter: number,
    seen: ReadonlyArray<string>,
    voidFrom: string | null = null
  ) => told.put(by, proof, seen, { type: "Cap", identity: "B", maxRole: 0, frontier: [{ feed: "F", counter }], voidFrom })

  it("nothing counts of a feed that nobody has admitted, or another's device has", () => {
    const { told, cy } = started()
    told.put("C1", cy, [], { type: "AdmitFeed", feed: "G", device: "B1" })
    assert.deepStrictEqual(acceptedPrefix(told.evaluated, "G", open), { role: 0, counter: 0 })
    assert.deepStrictEqual(of(told), { role: 2, counter: Number.POSITIVE_INFINITY })
  })

  it("what any remover had seen counts, but not beyond the point from which one of his rank calls it another's", () => {
    const { told, cy, theft } = started()
    cap(told, "A1", told.genesis, 7, [theft])
    assert.strictEqual(of(told).counter, 7)
    cap(told, "C1", cy, 9, [theft])
    assert.strictEqual(of(told).counter, 9)
    cap(told, "A1", told.genesis, 4, [theft], theft)
    assert.strictEqual(of(told).counter, 4)
  })

  it("what a point of a lower rank cuts off, a remover above him may have seen", () => {
    const { told, cy, theft } = started()
    cap(told, "C1", cy, 4, [theft], theft)
    cap(told, "A1", told.genesis, 7, [theft])
    assert.strictEqual(of(told).counter, 7)
  })

  it("an endorsement by who is as high as all removers brings content back, and no other", () => {
    const { told, cy, theft } = started()
    const removal = cap(told, "A1", told.genesis, 3, [theft])
    const vouch = (by: string, proof: string, counter: number) =>
      told.put(by, proof, [removal], { type: "Endorse", feeds: [{ feed: "F", counter }] })
    vouch("C1", cy, 9)
    assert.strictEqual(of(told).counter, 3)
    vouch("A1", told.genesis, 8)
    assert.strictEqual(of(told).counter, 8)
    assert.strictEqual(of(told, { floor: 0, freeze: 5 }).counter, 5)
    assert.strictEqual(of(told, { floor: 12, freeze: 5 }).counter, 12)
  })

  it("[S12] a feed that was begun after the right was gone counts as far as somebody as high as its remover vouches for it", () => {
    const { told, bob, cy, theft } = started(3)
    const removal = cap(told, "A1", told.genesis, 3, [theft])
    const dan = told.admit("B1", bob, "D", 2)
    told.put("D1", dan, [], { type: "AdmitFeed", feed: "G", device: "D1" })
    const begun = () => acceptedPrefix(told.evaluated, "G", open)
    const vouch = (by: string, proof: string) =>
      told.put(by, proof, [removal], { type: "Endorse", feeds: [{ feed: "G", counter: 5 }] })
    assert.deepStrictEqual(begun(), { role: 0, counter: 0 })
    vouch("C1", cy)
    assert.deepStrictEqual(begun(), { role: 0, counter: 0 })
    vouch("A1", told.genesis)
    assert.deepStrictEqual(begun(), { role: 2, counter: 5 })
    assert.deepStrictEqual(acceptedPrefix(told.evaluated, "G", { floor: 0, freeze: 4 }), { role: 2, counter: 4 })
    // an endorsement lets nobody in, and admits no feed that its device did not
    told.put("A1", told.genesis, [removal], { type: "Endorse", feeds: [{ feed: "H", counter: 5 }] })
    assert.deepStrictEqual(acceptedPrefix(told.evaluated, "H", open), { role: 0, counter: 0 })
    assert.strictEqual(told.evaluated.device("D1").standing, "former")
  })

  it("a promotion is a new admission, and gives the old feed nothing", () => {
    const { told, bob } = started(1)
    const again = told.admit("A1", told.genesis, "B", 2, [bob])
    assert.strictEqual(of(told).role, 1)
    told.put("B1", again, [], { type: "AdmitFeed", feed: "F", device: "B1" })
    assert.strictEqual(of(told).role, 1)
  })

  it("what who left had written counts", () => {
    const { told, bob } = started()
    told.put("B1", bob, [], { type: "Leave" })
    assert.strictEqual(of(told).counter, Number.POSITIVE_INFINITY)
  })
})
