/** Properties of `evaluate` over random histories (docs/security.md, "What is tested"). P1 to P9, P11 and P12. */
import { assert, describe, it } from "@effect/vitest"
import { acceptedPrefix } from "../../src/schema/halo/AcceptedPrefix.ts"
import { Membership } from "../../src/schema/halo/Membership.ts"
import type { Deed, Operation } from "../../src/schema/halo/Operation.ts"
import { drawer, Graph, type Held, reordered, subjectOf } from "./Graphs.ts"
import { Evaluation } from "./naive/Evaluation.ts"

/** How many histories; a long run sets more, and from which seed on. */
const histories = Number(process.env["HISTORIES"] ?? 500)
const first = Number(process.env["FIRST_HISTORY"] ?? 1)
const seeds = Array.from({ length: histories }, (_, i) => first + i)

const graphOf = (seed: number): Graph => new Graph(seed, seed % 10 === 0).grow(12 + (seed % 41))

const membershipOf = (operations: ReadonlyArray<Operation>): Membership => {
  const membership = new Membership()
  membership.add(operations)
  return membership
}

/** All that a set of operations says. */
const told = (evaluated: Membership | Evaluation, operations: ReadonlyArray<Operation>) =>
  JSON.stringify([evaluated.members(), operations.map(({ id }) => evaluated.standing(id))])

const standing = (evaluated: Membership, operations: ReadonlyArray<Operation>) =>
  operations.map(({ id }) => evaluated.standing(id)).join()

describe("Membership, over random histories", () => {
  it("[P1] comes to one answer in any order, all at once and one by one", () => {
    for (const seed of seeds) {
      const { operations } = graphOf(seed)
      const draw = drawer(seed)
      const answer = told(membershipOf(operations), operations)
      const one = new Membership()
      for (const each of reordered(operations, draw)) one.add([each])
      assert.strictEqual(told(one, operations), answer, `seed ${seed}, one by one`)
      const half = reordered(operations, draw)
      const parts = membershipOf(half.slice(0, 9))
      parts.add(half)
      assert.strictEqual(told(parts, operations), answer, `seed ${seed}, in two parts`)
    }
  })

  it("[P2] to [P5] says what the rules say word for word, which keep rights from growing and the founder in", () => {
    let [valid, quarantined, effective] = [0, 0, 0]
    for (const seed of seeds) {
      const { operations } = graphOf(seed)
      const model = new Evaluation(operations)
      assert.strictEqual(told(membershipOf(operations), operations), told(model, operations), `seed ${seed}`)
      effective += model.effective.size
      for (const { deed, id } of operations) {
        if (model.standing(id) === "quarantined") quarantined++
        if (!model.valid.has(id)) continue
        valid++
        for (const grant of model.uses.get(id)!) {
          assert.isTrue(model.valid.has(grant.op), `[P2] seed ${seed}, ${id}`)
          for (const each of model.effective) assert.isFalse(model.cuts(each, id, grant), `[P3] seed ${seed}, ${id}`)
        }
        if (deed.type === "Admit") {
          const { role } = model.authors.get(id)!
          assert.isTrue(deed.role < role || role === 4, `[P4] seed ${seed}, ${id}`)
        }
      }
      const hasLeft = [...model.effective].some(
        (id) => model.byId.get(id)!.deed.type === "Leave" && model.authors.get(id)!.identity === "A"
      )
      const founder = model.members().find(({ identity }) => identity === "A")
      assert.isTrue(hasLeft || founder?.role === 4, `[P5] seed ${seed}`)
    }
    assert.isAbove(valid, histories * 5)
    assert.isAbove(quarantined, histories / 2)
    assert.isAbove(effective, histories)
  })

  it("[P6] nothing that a revoked device publishes later, back-dated or not, changes anything", () => {
    let tried = 0
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const draw = drawer(seed + 17)
      const before = membershipOf(graph.operations)
      const model = new Evaluation(graph.operations)
      for (let i = 0; i < 4; i++) {
        const held = graph.pick(graph.devices)
        const killer = killerOf(model, held)
        if (killer === undefined) continue
        tried++
        const seen = [held.proof, ...(draw(10) < 6 ? [graph.pick(graph.operations).id] : [])]
        const count = graph.operations.length
        graph.put(held.key, held.proof, seen, mischief(graph, held, draw))
        const known = graph.operations.slice(0, count)
        const after = membershipOf(graph.operations)
        assert.deepStrictEqual(after.members(), before.members(), `seed ${seed}`)
        assert.strictEqual(standing(after, known), standing(before, known), `seed ${seed}`)
        graph.operations.pop()
      }
    }
    assert.isAbove(tried, histories / 4)
  })

  it("[P7] a revocation, wherever it is put, takes nothing from anybody who is not below its signer", () => {
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const draw = drawer(seed + 29)
      const model = new Evaluation(graph.operations)
      for (let i = 0; i < 4; i++) {
        const held = graph.pick(graph.held)
        if (held.kind === "invite" || !model.authors.has(held.proof)) continue
        const seen = [held.proof, ...(draw(10) < 6 ? [graph.pick(graph.operations).id] : [])]
        const id = graph.put(held.key, held.proof, seen, revoking(graph, draw))
        const after = new Evaluation(graph.operations)
        const product = membershipOf(graph.operations)
        graph.operations.pop()
        const author = after.authors.get(id)
        if (author === undefined) continue
        for (const other of graph.operations) {
          const rank = model.authors.get(other.id)?.rank
          if (rank === undefined || rankBelow(rank, author.rank) || !model.valid.has(other.id)) continue
          assert.strictEqual(product.standing(other.id), "valid", `seed ${seed}, ${other.id}`)
        }
      }
    }
  })

  it("[P8] junk of strangers changes nothing", () => {
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const before = told(membershipOf(graph.operations), graph.operations)
      const known = [...graph.operations]
      const draw = drawer(seed + 31)
      const victim = graph.pick(graph.held)
      graph.put("stranger", null, [graph.pick(known).id], { type: "Genesis", subject: subjectOf("S", "S1"), isLocked: false })
      graph.put("stranger", victim.proof, [victim.proof], mischief(graph, victim, draw))
      graph.put("stranger", known[0]!.id, [known.at(-1)!.id], { type: "Admit", subject: subjectOf("S", "S1"), role: 4 })
      assert.strictEqual(told(membershipOf(graph.operations), known), before, `seed ${seed}`)
    }
  })

  it("[P9] what its revoker had seen stands, unless it comes after the point that he named", () => {
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const before = membershipOf(graph.operations)
      const all = graph.operations.map(({ id }) => id)
      const known = [...graph.operations]
      for (const identity of graph.identities.slice(1)) {
        graph.put("A1", all[0]!, all, { type: "Cap", identity, maxRole: 0, frontier: [], voidFrom: null })
        const after = membershipOf(graph.operations)
        graph.operations.pop()
        assert.strictEqual(standing(after, known), standing(before, known), `seed ${seed}`)
      }
    }
  })

  it("[P11] letting someone in by an invitation takes nothing from anybody", () => {
    let entered = 0
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const before = membershipOf(graph.operations)
      const known = [...graph.operations]
      const invites = graph.held.filter(({ kind }) => kind === "invite")
      for (let i = 0; i < 3 && invites.length > 0; i++) {
        const invite = graph.pick(invites)
        const host = graph.pick(graph.devices)
        const role = graph.offered(invite)
        const deed: Deed = { type: "Redeem", subject: subjectOf("EVE", "E1"), role, host: host.key, hostProof: host.proof }
        const id = graph.put(invite.key, invite.proof, [invite.proof, host.proof], deed)
        const after = membershipOf(graph.operations)
        graph.operations.pop()
        assert.strictEqual(standing(after, known), standing(before, known), `seed ${seed}`)
        if (after.standing(id) === "valid") entered++
      }
    }
    assert.isAbove(entered, histories / 20)
  })

  it("[P12] how much of a feed counts hangs on the operations and the floor alone, and a floor takes nothing away", () => {
    let bounded = 0
    for (const seed of seeds) {
      const { operations } = graphOf(seed)
      const [one, other] = [membershipOf(operations), membershipOf(reordered(operations, drawer(seed + 41)))]
      for (const { deed } of operations) {
        if (deed.type !== "AdmitFeed") continue
        const open = { floor: 0, freeze: Number.POSITIVE_INFINITY }
        const accepted = acceptedPrefix(one, deed.feed, open)
        assert.deepStrictEqual(acceptedPrefix(other, deed.feed, open), accepted, `seed ${seed}`)
        assert.strictEqual(acceptedPrefix(one, deed.feed, { ...open, floor: 5 }).counter, Math.max(5, accepted.counter))
        if (accepted.role > 0 && accepted.counter < Number.POSITIVE_INFINITY) bounded++
      }
    }
    assert.isAbove(bounded, histories / 50)
  })

  it("[P12] what the founder vouches for counts of every feed that was within its device's right once, in any order", () => {
    let broughtIn = 0
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const feeds = graph.operations.flatMap(({ deed }) => (deed.type === "AdmitFeed" ? [deed.feed] : []))
      const before = membershipOf(graph.operations)
      const first = graph.operations[0]!.id
      const endorsed = feeds.map((feed) => ({ feed, counter: 7 }))
      graph.put("A1", first, [first], { type: "Endorse", feeds: endorsed })
      const [one, other] = [graph.operations, reordered(graph.operations, drawer(seed + 43))].map(membershipOf)
      for (const feed of feeds) {
        const open = { floor: 0, freeze: Number.POSITIVE_INFINITY }
        const accepted = acceptedPrefix(one!, feed, open)
        assert.deepStrictEqual(acceptedPrefix(other!, feed, open), accepted, `seed ${seed}`)
        const was = acceptedPrefix(before, feed, open)
        assert.isTrue(accepted.counter >= was.counter && (was.role === 0 || accepted.role === was.role), `seed ${seed}`)
        if (was.role === 0 && accepted.counter === 7 && accepted.role > 0) broughtIn++
      }
    }
    assert.isAbove(broughtIn, histories / 50)
  })
})

const rankBelow = (a: readonly [number, number, number], b: readonly [number, number, number]): boolean =>
  (a[0] - b[0] || b[1] - a[1] || b[2] - a[2]) < 0

/** A revocation that stands and took this device or its membership away, of another's will. */
const killerOf = (model: Evaluation, held: Held): string | undefined =>
  [...model.effective].find((id) => {
    const { deed, by } = model.byId.get(id)!
    const grant = model.granted(held)
    if (grant === undefined || deed.type === "Leave") return false
    if (deed.type === "RemoveDevice") return by !== deed.device && model.kills(id, grant)
    return deed.type === "Cap" && model.kills(id, grant.member!)
  })

const mischief = (graph: Graph, { identity }: Held, draw: (below: number) => number): Deed => {
  const deeds: ReadonlyArray<Deed> = [
    { type: "Cap", identity: graph.pick(graph.identities), maxRole: 0, frontier: [], voidFrom: null },
    { type: "Admit", subject: subjectOf("EVE", "E1"), role: 2 },
    { type: "AddDevice", device: "E2" },
    { type: "Leave" },
    { type: "KeyRotate" },
    { type: "RemoveDevice", identity, device: graph.pick(graph.devices).key, frontier: [], voidFrom: null },
    { type: "Invite", key: "KE", role: 1, hosts: "members" },
    { type: "SetPolicy", isLocked: true }
  ]
  return deeds[draw(deeds.length)]!
}

const revoking = (graph: Graph, draw: (below: number) => number): Deed => {
  const { identity, key } = graph.pick(graph.devices)
  if (draw(3) === 0) return { type: "Cap", identity, maxRole: 0, frontier: [], voidFrom: null }
  return draw(2) === 0 ? { type: "Leave" } : { type: "RemoveDevice", identity, device: key, frontier: [], voidFrom: null }
}
