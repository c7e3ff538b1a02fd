/** Who let somebody in, by what right, and what took it away: as data and in words. */
import { assert, describe, it } from "@effect/vitest"
import { Membership } from "../../src/schema/halo/Membership.ts"
import type { Deed } from "../../src/schema/halo/Operation.ts"
import { originOf, provenance } from "../../src/schema/halo/Provenance.ts"
import { told } from "../../src/schema/halo/ProvenanceText.ts"
import { Graph, subjectOf } from "./Graphs.ts"
import { Evaluation } from "./naive/Evaluation.ts"

const people: { readonly [identity: string]: string } = { A: "Alice", B: "Bob", C: "Carol", D: "Dora" }
const nameOf = (kind: "identity" | "device", key: string) => (kind === "identity" ? (people[key] ?? key) : `device ${key}`)

/** A space that Alice founded (device A1), in which operations are put by hand. */
class Space {
  readonly graph = new Graph(1)
  readonly genesis = this.graph.operations[0]!.id

  put(by: string, proof: string, deed: Deed, seen: ReadonlyArray<string> = []): string {
    return this.graph.put(by, proof, [proof, ...seen], deed)
  }

  admit(by: string, proof: string, who: string, role: 1 | 2 | 3 | 4, seen: ReadonlyArray<string> = []): string {
    return this.put(by, proof, { type: "Admit", subject: subjectOf(who, `${who}1`), role }, seen)
  }

  remove(by: string, proof: string, identity: string, seen: ReadonlyArray<string> = []): string {
    return this.put(by, proof, { type: "Cap", identity, maxRole: 0, frontier: [], voidFrom: null }, seen)
  }

  get membership(): Membership {
    const membership = new Membership()
    membership.add(this.graph.operations)
    return membership
  }

  /** The sentences about each of an identity's memberships and devices. */
  told(identity: string, device: string | null = null): ReadonlyArray<ReadonlyArray<string>> {
    const { membership } = this
    return provenance(membership, identity, device).map((origin) => told(membership, origin, nameOf))
  }
}

describe("Provenance", () => {
  it("says in words what somebody did, also what lets nobody in", () => {
    const space = new Space()
    const bob = space.admit("A1", space.genesis, "B", 3)
    const deeds: ReadonlyArray<Deed> = [
      { type: "SetPolicy", isLocked: true },
      { type: "SetPolicy", isLocked: false },
      { type: "AdmitFeed", feed: "F", device: "A1" },
      { type: "Endorse", feeds: [] },
      { type: "RemoveDevice", identity: "B", device: "B1", frontier: [], voidFrom: null },
      { type: "Cap", identity: "B", maxRole: 1, frontier: [], voidFrom: null },
      { type: "KeyRotate" },
      { type: "Unknown", number: 77 }
    ]
    const ids = deeds.map((deed) => space.put("A1", space.genesis, deed, [bob]))
    const { membership } = space
    assert.deepStrictEqual(
      ids.map((id) => told(membership, [membership.entry(id)!], nameOf)[0]),
      [
        "locked the space",
        "opened the space to whom members let in",
        "began to write",
        "vouched for what was withheld",
        "removed device B1",
        "lowered Bob to reader",
        "did what grants nothing (KeyRotate)",
        "did what this version of Troupe does not know. Update Troupe"
      ].map((what) => `Alice (owner, by device A1) ${what}.`)
    )
  })

  it("goes from who was let in to who founded the space, by every right on the way", () => {
    const space = new Space()
    const bob = space.admit("A1", space.genesis, "B", 3)
    const second = space.put("B1", bob, { type: "AddDevice", device: "B2" })
    space.admit("B2", second, "C", 2)
    assert.deepStrictEqual(space.told("C"), [
      [
        "Bob (admin, by device B2) admitted Carol as editor, with device C1.",
        "Bob (admin, by device B1) added device B2.",
        "Alice (owner, by device A1) admitted Bob as admin, with device B1.",
        "Alice founded the space with device A1."
      ]
    ])
    assert.deepStrictEqual(
      space.told("B", "B2").map(([first]) => first),
      ["Bob (admin, by device B1) added device B2."]
    )
    assert.deepStrictEqual(space.told("D"), [])
  })

  it("says what took a right away, and why what rested on it does not count", () => {
    const space = new Space()
    const bob = space.admit("A1", space.genesis, "B", 3)
    const carol = space.admit("B1", bob, "C", 2)
    space.put("C1", carol, { type: "AddDevice", device: "C2" })
    space.remove("A1", space.genesis, "B", [bob])
    assert.deepStrictEqual(space.told("C", "C2"), [
      [
        "Carol (editor, by device C1) added device C2. This does not count, since what it rests on does not.",
        "Bob (admin, by device B1) admitted Carol as editor, with device C1. This does not count: Alice (owner, by device A1) removed Bob.",
        "Alice (owner, by device A1) admitted Bob as admin, with device B1. Later Alice (owner, by device A1) removed Bob.",
        "Alice founded the space with device A1."
      ]
    ])
  })

  it("tells of invitations, of who hosted them and of who left, and of the seed phrase", () => {
    const space = new Space()
    const bob = space.admit("A1", space.genesis, "B", 3)
    const invite = space.put("B1", bob, { type: "Invite", key: "K", role: 2, hosts: "members" })
    const subject = subjectOf("C", "C1")
    const carol = space.put("K", invite, { type: "Redeem", subject, role: 2, host: "A1", hostProof: space.genesis })
    space.put("C1", carol, { type: "Leave" })
    space.put("RB", bob, { type: "AddDevice", device: "B2" })
    space.put("A1", space.genesis, { type: "RevokeInvite", invite }, [carol])
    assert.deepStrictEqual(space.told("C"), [
      [
        "Carol came in as editor by an invitation, with device C1, hosted by device A1. Later Carol (editor, by device C1) left.",
        "Bob (admin, by device B1) made an invitation for the role editor, which members may host. Later Alice (owner, by device A1) revoked the invitation.",
        "Alice (owner, by device A1) admitted Bob as admin, with device B1.",
        "Alice founded the space with device A1."
      ]
    ])
    assert.strictEqual(space.told("B", "B2")[0]![0], "Bob (admin, by the seed phrase) added device B2.")
  })

  it("tells what nobody had a right to, and what it does not know", () => {
    const space = new Space()
    const bob = space.admit("A1", space.genesis, "B", 1)
    const forged = space.admit("B1", bob, "D", 4)
    const unknown = space.put("A1", space.genesis, { type: "Unknown", number: 99 })
    const { membership } = space
    const [first] = told(membership, originOf(membership, forged), nameOf)
    assert.strictEqual(
      first,
      "Somebody with the key B1 admitted Dora as owner, with device D1. This does not count: who signed it had no such right."
    )
    assert.include(told(membership, originOf(membership, unknown), nameOf)[0]!, "Update Troupe.")
    assert.deepStrictEqual(originOf(membership, "what is not here"), [])
  })

  it("has, over random histories, of each member an origin that stands and ends at the founding, and of all that does not count a reason", () => {
    let [members, reasons] = [0, 0]
    for (let seed = 1; seed <= 200; seed++) {
      const { operations } = new Graph(seed).grow(12 + (seed % 41))
      const membership = new Membership()
      membership.add(operations)
      const model = new Evaluation(operations)
      for (const { identity } of membership.members()) {
        const origins = provenance(membership, identity)
        const isStanding = origins.some((origin) => origin.every(({ standing }) => standing === "valid"))
        assert.isTrue(isStanding, `seed ${seed}, ${identity}`)
        for (const origin of origins) assert.strictEqual(origin.at(-1)!.operation.id, operations[0]!.id)
        members++
      }
      for (const { id } of operations) {
        const entry = membership.entry(id)!
        const cutBy = [...model.effective].filter((each) => model.uses.get(id)?.some((grant) => model.cuts(each, id, grant)))
        assert.sameMembers([...entry.cutBy], cutBy, `seed ${seed}, ${id}`)
        if (entry.standing !== "quarantined") continue
        assert.isTrue(
          originOf(membership, id).some((each) => each.cutBy.length > 0),
          `seed ${seed}, ${id}`
        )
        reasons++
      }
    }
    assert.isAbove(members, 400)
    assert.isAbove(reasons, 200)
  })
})
