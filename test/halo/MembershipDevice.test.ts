/** What a device is to those who hold some operations: what let it in, and what took that away, also further up. */
import { assert, describe, it } from "@effect/vitest"
import { deviceOf, Holder, spaceOf, subjectOf } from "./ControlNetwork.ts"

const admitting = (name: string) => ({ type: "Admit", subject: subjectOf(name), role: 3 }) as const

describe("Membership.device", () => {
  it("is a stranger before an operation lets it in, a member then, and a former one when that was taken away", () => {
    const { admit, ann, remove } = spaceOf()
    const bob = deviceOf("bob")
    assert.deepStrictEqual(ann.membership.device(bob), { standing: "stranger", grants: [], live: [], revocations: [] })
    const grant = admit("bob")
    assert.deepStrictEqual(ann.membership.device(bob), { standing: "member", grants: [grant], live: [grant], revocations: [] })
    const removal = remove("bob")
    assert.deepStrictEqual(ann.membership.device(bob), {
      standing: "former",
      grants: [grant],
      live: [],
      revocations: [removal]
    })
    const again = admit("bob")
    assert.deepStrictEqual(ann.membership.device(bob), {
      standing: "member",
      grants: [grant, again],
      live: [again],
      revocations: []
    })
  })

  it("names what took away the right of who let it in, when it goes down with that", () => {
    const { ann, genesis } = spaceOf()
    const by = ann.publish(deviceOf("ann"), genesis, admitting("bob"))
    const bob = new Holder("bob", ann.list())
    bob.publish(deviceOf("bob"), by, { type: "Admit", subject: subjectOf("cy"), role: 2 })
    const removal = ann.publish(deviceOf("ann"), genesis, {
      type: "Cap",
      identity: subjectOf("bob").identity,
      maxRole: 0,
      frontier: [],
      voidFrom: null
    })
    ann.take(bob.list().map(({ bytes }) => bytes))
    const cy = ann.membership.device(deviceOf("cy"))
    assert.strictEqual(cy.standing, "former")
    assert.deepStrictEqual(cy.revocations, [removal])
  })

  it("is a former one after it has left, by its own operation", () => {
    const { all, ann, proofs } = spaceOf("bob")
    const bob = all("bob")
    const leave = bob.publish(deviceOf("bob"), proofs.get("bob")!, { type: "Leave" })
    ann.take(bob.list().map(({ bytes }) => bytes))
    assert.deepStrictEqual(ann.membership.device(deviceOf("bob")).revocations, [leave])
  })
})
