/** Properties of membership over random histories of real bytes and signatures (docs/security.md#membership): P10, P13 and P14. */
import { assert, describe, it } from "@effect/vitest"
import { Membership } from "../../src/schema/halo/Membership.ts"
import type { Operation } from "../../src/schema/halo/Operation.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { EncodedHistory, personOf } from "./EncodedHistory.ts"
import { type Draw, drawer, Graph, reordered, subjectOf } from "./Graphs.ts"
import { keyOf, made, type Person } from "./People.ts"
import { Receiver } from "./Receiver.ts"

/** A signature takes longer than a judgement: of these there are a tenth of the histories of MembershipRandom.test.ts. */
const histories = Math.ceil(Number(process.env["HISTORIES"] ?? 500) / 10)
const first = Number(process.env["FIRST_HISTORY"] ?? 1)
const seeds = Array.from({ length: histories }, (_, i) => first + i)

const graphOf = (seed: number): Graph => new Graph(seed, seed % 10 === 0).grow(12 + (seed % 31))

const receiverOf = ({ bytes, space }: EncodedHistory): Receiver => {
  const receiver = new Receiver(space)
  for (const each of bytes) assert.strictEqual(receiver.receive(each), "taken")
  return receiver
}

/** Standings and members by the names of the history. */
const toldBy = (receiver: Receiver, history: EncodedHistory, operations: ReadonlyArray<Operation>): string =>
  JSON.stringify([receiver.told(history.nameOf), operations.map(({ id }) => receiver.membership.standing(history.idOf(id)))])

describe("Membership, over histories of bytes", () => {
  it("[P10] takes no certificate that does not chain, whoever has signed the operation that shows it", () => {
    const refused: Array<number> = forgeries.map(() => 0)
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const history = new EncodedHistory(graph)
      const receiver = receiverOf(history)
      const before = receiver.told(history.nameOf)
      const genesis = history.made.get(graph.operations[0]!.id)!
      forgeries.forEach((forge, at) => {
        const victim = personOf(graph.pick(graph.identities))
        const draw = drawer(seed * 31 + at)
        const forged = { ...victim.admission(history.space, `evil ${at}`, 2), certificate: forge(victim, `evil ${at}`, draw) }
        const content = { space: history.space, parents: [genesis.id], proof: genesis.id, time: 0, payload: forged as Payload }
        // the founder himself signs it
        if (receiver.receive(made(content, keyOf("A1")).bytes) === "refused") refused[at]!++
      })
      assert.strictEqual(receiver.told(history.nameOf), before, `seed ${seed}`)
    }
    assert.deepStrictEqual(
      refused,
      forgeries.map(() => histories)
    )
  })

  it("[P13] says the same whatever times operations say", () => {
    let quarantined = 0
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const { operations } = graph
      // two policies of one rank are told apart by their ids, of which times are a part
      if (operations.filter(({ deed }) => deed.type === "SetPolicy").length > 1) continue
      const draw = drawer(seed + 53)
      const named = new Membership()
      named.add(operations)
      const members = named.members().map(({ devices, identity, role }) => `${identity} ${role} ${devices.join("+")}`)
      const standings = operations.map(({ id }) => named.standing(id))
      const expected = JSON.stringify([members.join(", "), standings])
      quarantined += standings.filter((each) => each === "quarantined").length
      // forwards, backwards, and anyhow
      const times = [(at: number) => at, (at: number) => 2 ** 52 - at, (at: number) => draw(2 ** 30) * 1_024 + at]
      for (const timeOf of times) {
        const history = new EncodedHistory(graph, timeOf)
        assert.strictEqual(toldBy(receiverOf(history), history, operations), expected, `seed ${seed}`)
      }
    }
    assert.isAbove(quarantined, histories)
  })

  it("[P14] says the same when rates delay operations, of each signer one at a time", () => {
    let held = 0
    for (const seed of seeds) {
      const graph = graphOf(seed)
      const history = new EncodedHistory(graph)
      const expected = toldBy(receiverOf(history), history, graph.operations)
      const receiver = new Receiver(history.space)
      for (const { id } of delayed(reordered(graph.operations, drawer(seed + 61)), drawer(seed + 67)))
        if (receiver.receive(history.made.get(id)!.bytes) === "held") held++
      assert.strictEqual(toldBy(receiver, history, graph.operations), expected, `seed ${seed}`)
    }
    assert.isAbove(held, histories)
  })

  it("[P14] counts members and devices beyond every limit that refuses a writer", () => {
    const graph = new Graph(1)
    const genesis = graph.operations[0]!.id
    for (let i = 0; i < 1_100; i++)
      graph.put("A1", genesis, [genesis], { type: "Admit", subject: subjectOf(`M${i}`, `M${i}`), role: 1 })
    for (let i = 0; i < 100; i++) graph.put("A1", genesis, [genesis], { type: "AddDevice", device: `D${i}` })
    const membership = new Membership()
    membership.add(graph.operations)
    assert.lengthOf(membership.members(), 1_101)
    assert.lengthOf(membership.member("A")!.devices, 101)
  })
})

/** Takes at most one operation of each signer at a time, so that children come before parents of others. */
const delayed = (operations: ReadonlyArray<Operation>, draw: Draw): ReadonlyArray<Operation> => {
  const queues = new Map<string, Array<Operation>>()
  for (const each of operations) queues.set(each.by, [...(queues.get(each.by) ?? []), each])
  const order: Array<Operation> = []
  while (queues.size > 0) {
    const signers = [...queues.keys()]
    const signer = signers[draw(signers.length)]!
    const queue = queues.get(signer)!
    order.push(queue.shift()!)
    if (queue.length === 0) queues.delete(signer)
  }
  return order
}

type Forged = { readonly genesis: Uint8Array; readonly links: ReadonlyArray<Uint8Array> }

const mallory = personOf("Mallory")

/** The link that says of a device of Mallory's that it is the victim's, signed by whoever it says. */
const linkBy = (victim: Person, device: string, by: { readonly key: string } | null) => {
  const payload = victim.addDevice(device)
  const content = { space: victim.identity, parents: [], proof: null, time: 0, payload }
  return made(content, by === null ? mallory.recovery : keyOf(by.key))
}

/** Each makes a certificate for a device that the victim's recovery key has not made one of its identity's. */
const forgeries: ReadonlyArray<(victim: Person, device: string, draw: Draw) => Forged> = [
  // Mallory's recovery key, or any device, in the place of the victim's recovery key
  (victim, device) => ({ genesis: victim.genesis, links: [linkBy(victim, device, null).bytes] }),
  (victim, device) => ({ genesis: victim.genesis, links: [linkBy(victim, device, { key: device }).bytes] }),
  // Mallory's chain under the victim's genesis, and the other way about
  (victim, device) => ({ genesis: victim.genesis, links: [mallory.link(device).bytes] }),
  (victim, device) => ({ genesis: mallory.genesis, links: [victim.link(device).bytes] }),
  // a true link to a device of the victim's, then one that this device has not signed
  (victim, device) => {
    const root = victim.link("true")
    const payload = victim.addDevice(device)
    const content = { space: victim.identity, parents: [root.id], proof: root.id, time: 0, payload }
    return { genesis: victim.genesis, links: [root.bytes, made(content, mallory.recovery).bytes] }
  },
  // a true chain for another device, and none at all
  (victim) => ({ genesis: victim.genesis, links: [victim.link("true").bytes] }),
  (victim) => ({ genesis: victim.genesis, links: [] }),
  // a chain in which one bit is another
  (victim, device, draw) => {
    const { genesis, links } = victim.certificate("true", device)
    const changed = links.map((link) => Uint8Array.from(link))
    const link = changed[draw(2)]!
    link[draw(link.length)]! ^= 1 << draw(8)
    return { genesis, links: changed }
  },
  // a genesis in which one bit is another
  (victim, device, draw) => {
    const { genesis, links } = victim.certificate(device)
    const changed = Uint8Array.from(genesis)
    changed[draw(changed.length)]! ^= 1 << draw(8)
    return { genesis: changed, links }
  }
]
