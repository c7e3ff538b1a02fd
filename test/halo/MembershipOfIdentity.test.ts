/**
 * An identity's own space: its recovery key is the root, and its devices are what it and they have added.
 *
 * Its rules are those of a space that the recovery key has founded, and are held against the rules word for word as such a one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Membership } from "../../src/schema/halo/Membership.ts"
import type { Deed, Operation } from "../../src/schema/halo/Operation.ts"
import { drawer, reordered } from "./Graphs.ts"
import { Evaluation } from "./naive/Evaluation.ts"

const self = { identity: "A", recovery: "RA" }

/** Operations put by hand. */
class Told {
  readonly operations: Array<Operation> = []

  put(by: string, proof: string | null, parents: ReadonlyArray<string>, deed: Deed): string {
    const id = `${String(this.operations.length).padStart(3, "0")}`
    this.operations.push({ id, parents: [...new Set(parents)].sort(), by, proof, deed })
    return id
  }

  add(by: string, proof: string | null, device: string, parents: ReadonlyArray<string> = proof === null ? [] : [proof]): string {
    return this.put(by, proof, parents, { type: "AddDevice", device })
  }

  remove(by: string, proof: string | null, device: string, parents: ReadonlyArray<string>): string {
    return this.put(by, proof, parents, { type: "RemoveDevice", identity: "A", device, frontier: [], voidFrom: null })
  }

  get evaluated(): Membership {
    const membership = new Membership(self)
    membership.add(this.operations)
    return membership
  }

  get devices(): string {
    return this.evaluated.member("A")!.devices.join("+")
  }
}

describe("Membership of an identity's own space", () => {
  it("has one member before anything was done, its owner, without devices", () => {
    const membership = new Membership(self)
    assert.deepStrictEqual(membership.members(), [{ identity: "A", role: 4, devices: [] }])
    assert.strictEqual(membership.size, 0)
  })

  it("has the devices that the recovery key added, of two recoveries too, and those that they added", () => {
    const told = new Told()
    const first = told.add("RA", null, "A1")
    told.add("RA", null, "A2")
    const third = told.add("A1", first, "A3")
    assert.strictEqual(told.devices, "A1+A2+A3")
    assert.strictEqual(told.evaluated.holder(third, "A3"), "A")
    assert.strictEqual(told.evaluated.size, 3)
  })

  it("keeps what a newer version says through one of its devices, and through nobody else", () => {
    const told = new Told()
    const first = told.add("RA", null, "A1")
    const newer = told.put("A1", first, [first], { type: "Unknown", number: 77 })
    const strangers = told.put("M1", first, [first], { type: "Unknown", number: 77 })
    assert.deepStrictEqual(
      [newer, strangers].map((id) => told.evaluated.standing(id)),
      ["valid", "malformed"]
    )
  })

  it("loses a stolen device to one that is nearer to the phrase, and to the phrase, and never the other way about", () => {
    const told = new Told()
    const first = told.add("RA", null, "A1")
    const second = told.add("A1", first, "A2")
    told.remove("A2", second, "A1", [second])
    assert.strictEqual(told.devices, "A1+A2")
    const removal = told.remove("A1", first, "A2", [second])
    assert.strictEqual(told.devices, "A1")
    told.remove("RA", null, "A1", [removal])
    assert.strictEqual(told.devices, "")
    told.add("RA", null, "A4")
    assert.strictEqual(told.devices, "A4")
  })

  it("counts feeds of its devices, and not beyond their removal", () => {
    const told = new Told()
    const first = told.add("RA", null, "A1")
    told.put("A1", first, [first], { type: "AdmitFeed", feed: "F", device: "A1" })
    told.put("A1", first, [first], { type: "Endorse", feeds: [{ feed: "F", counter: 4 }] })
    assert.lengthOf(told.evaluated.about("F"), 2)
    assert.strictEqual(told.evaluated.about("F")[0]!.role, 4)
  })

  it("knows no other member, no policy and no invitation, and no root but a device that the recovery key added", () => {
    const told = new Told()
    const first = told.add("RA", null, "A1")
    const subject = { identity: "B", recovery: "RB", device: "B1" }
    const others = [
      told.put("A1", first, [first], { type: "Admit", subject, role: 2 }),
      told.put("RA", null, [], { type: "Genesis", subject: { ...subject, identity: "A" }, isLocked: false }),
      told.put("RA", null, [first], { type: "Leave" }),
      told.put("A1", first, [first], { type: "Cap", identity: "A", maxRole: 0, frontier: [], voidFrom: null }),
      told.put("A1", first, [first], { type: "SetPolicy", isLocked: true }),
      told.put("A1", first, [first], { type: "Invite", key: "K", role: 1, hosts: "admins" }),
      told.remove("RA", null, "A1", []),
      told.add("RA", null, "A2", [first]),
      told.add("RB", null, "B1"),
      told.add("A1", null, "A3"),
      told.add("A1", first, "A4", [])
    ]
    const { evaluated } = told
    assert.deepStrictEqual(
      others.map((id) => evaluated.standing(id)),
      others.map(() => "malformed")
    )
    assert.deepStrictEqual(evaluated.members(), [{ identity: "A", role: 4, devices: ["A1"] }])
  })
})

/** The same as operations of a space that the recovery key has founded, with a device that does nothing. */
const asSpace = (operations: ReadonlyArray<Operation>): ReadonlyArray<Operation> => [
  {
    id: "",
    parents: [],
    by: "none",
    proof: null,
    deed: { type: "Genesis", subject: { ...self, device: "none" }, isLocked: false }
  },
  ...operations.map((each) => ({
    ...each,
    parents: each.parents.length === 0 ? [""] : each.parents,
    proof: each.proof ?? ""
  }))
]

/** A random history, in which devices say as often as not that they have seen less than they have. */
const history = (seed: number): Told => {
  const told = new Told()
  const draw = drawer(seed)
  const pick = <A>(list: ReadonlyArray<A>): A => list[draw(list.length)]!
  const holders: Array<readonly [key: string, proof: string | null]> = [["RA", null]]
  told.add("RA", null, "A0")
  holders.push(["A0", "000"])
  for (let n = 8 + draw(25); n > 0; n--) {
    const [by, proof] = pick(draw(2) === 0 ? holders : holders.slice(-4))
    const seen = [...(proof === null ? [] : [proof]), ...Array.from({ length: draw(3) + 1 }, () => pick(told.operations).id)]
    const chance = draw(100)
    if (chance < 40) {
      const device = `A${told.operations.length}`
      holders.push([device, told.add(by, proof, device, proof === null ? [] : seen)])
    } else if (chance < 80) told.remove(by, proof, pick(holders.slice(1))[0], seen)
    else if (chance < 90) told.put(by, proof, seen, { type: "KeyRotate" })
    else told.put(by, proof, seen, { type: "AdmitFeed", feed: `F${told.operations.length}`, device: by })
  }
  return told
}

describe("Membership of an identity's own space, over random histories", () => {
  it("says what the rules say of a space that its recovery key has founded, in any order", () => {
    let [quarantined, removed] = [0, 0]
    for (let seed = 1; seed <= 500; seed++) {
      const { operations } = history(seed)
      const model = new Evaluation(asSpace(operations))
      const expected = operations.map(({ id }) => model.standing(id))
      const devices = model.members()[0]!.devices.filter((device) => device !== "none")
      const one = new Membership(self)
      for (const each of reordered(operations, drawer(seed))) one.add([each])
      const all = new Membership(self)
      all.add(operations)
      for (const membership of [one, all]) {
        assert.deepStrictEqual(
          operations.map(({ id }) => membership.standing(id)),
          expected,
          `seed ${seed}`
        )
        assert.deepStrictEqual(membership.members(), [{ identity: "A", role: 4, devices }], `seed ${seed}`)
      }
      quarantined += expected.filter((standing) => standing === "quarantined").length
      removed += operations.filter(({ deed }) => deed.type === "AddDevice").length - devices.length
    }
    assert.isAbove(quarantined, 500)
    assert.isAbove(removed, 500)
  })
})
