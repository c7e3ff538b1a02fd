/**
 * Forgeries that another system of this kind accepts, each in the terms of this one. Permanent: none of them may ever pass.
 *
 * The numbers are those of docs/security.md#forgeries.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { acceptedPrefix } from "../../src/schema/halo/AcceptedPrefix.ts"
import { encodeSigned } from "../../src/schema/halo/OperationFrame.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { hello, onHello } from "../../src/schema/mesh/Handshake.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { deviceKeys, hash, keyOf, type Made, made, manifestOf, named, Person, read } from "./People.ts"
import { Receiver } from "./Receiver.ts"

const text = (bytes: Uint8Array) => Base64Url.encode(bytes)
const open = { floor: 0, freeze: Number.POSITIVE_INFINITY }

/** A space of Alice's (owner), Bob's (admin) and Carol's (reader), as Dora receives it. */
class World {
  readonly alice = new Person("Alice")
  readonly bob = new Person("Bob")
  readonly carol = new Person("Carol")
  readonly genesis = made(
    { space: named("any"), parents: [], proof: null, time: 1, payload: this.alice.founding("a1") },
    keyOf("a1")
  )
  readonly space = this.genesis.id
  readonly receiver = new Receiver(this.space)
  private time = 1
  readonly admitsBob = this.put("a1", this.genesis, this.bob.admission(this.space, "b1", 3))
  readonly admitsCarol = this.put("a1", this.genesis, this.carol.admission(this.space, "c1", 1))

  constructor() {
    for (const each of [this.genesis, this.admitsBob, this.admitsCarol]) assert.strictEqual(this.receive(each), "taken")
  }

  /** An operation by a device, whose proof is the operation that made it one, and which has seen that. */
  put(by: string, proof: Made, payload: Payload, seen: ReadonlyArray<Made> = []): Made {
    const parents = [...new Map([proof, ...seen].map(({ id }) => [text(id), id])).values()]
    return made({ space: this.space, parents, proof: proof.id, time: this.time++, payload }, keyOf(by))
  }

  receive({ bytes }: Pick<Made, "bytes">) {
    return this.receiver.receive(bytes)
  }

  /** What is received, and how it stands then. */
  standing(operation: Made): string {
    const verdict = this.receive(operation)
    return verdict === "taken" ? this.receiver.membership.standing(text(operation.id)) : verdict
  }

  get members(): string {
    const names = new Map<string, string>()
    for (const [name, person] of Object.entries({ alice: this.alice, bob: this.bob, carol: this.carol }))
      names.set(text(person.identity), name)
    for (const device of ["a1", "b1", "c1"]) names.set(text(keyOf(device).publicKey), device)
    return this.receiver.told((each) => names.get(each) ?? "a stranger")
  }

  counts(feed: string): number {
    return acceptedPrefix(this.receiver.membership, text(keyOf(feed).publicKey), open).counter
  }
}

const everybody = "alice 4 a1, bob 3 b1, carol 1 c1"

/** The same bytes with another number of the type, at the place where it stands. */
const retyped = (op: Uint8Array, number: number): Uint8Array => {
  const changed = Uint8Array.from(op)
  changed[37] = number
  return changed
}

/** Who receives an identity's own space. */
const ownOf = ({ identity, recovery }: Person): Receiver =>
  new Receiver(identity, { identity: text(identity), recovery: text(recovery.publicKey) })

describe("Forgeries", () => {
  it("[X1] a signed operation passes as none of another type", () => {
    const world = new World()
    const invite = world.put("a1", world.genesis, {
      type: "Invite",
      key: keyOf("invitation").publicKey,
      role: 2,
      maxUses: 1,
      expiresAt: 0,
      hosts: "admins",
      secret: named("secret").slice(0, 16)
    })
    assert.strictEqual(world.standing(invite), "valid")
    const closing = world.put("a1", world.genesis, { type: "CloseInvite", invite: invite.id })
    const signature = closing.bytes.subarray(-64)
    // closing and revoking carry the same, and mean different things
    assert.strictEqual(read(encodeSigned(retyped(closing.op, 8), signature), world.space).payload.type, "RevokeInvite")
    for (let number = 0; number < 24; number++) {
      if (number === 9) continue
      assert.strictEqual(world.receive({ bytes: encodeSigned(retyped(closing.op, number), signature) }), "refused", `${number}`)
    }
    assert.strictEqual(world.standing(closing), "valid")
  })

  it("[X2] a signature of another purpose, as that which proves a device to a peer, signs no operation and accepts nothing", () => {
    const world = new World()
    const nonce = named("nonce")
    const [setup, other] = ["b1", "a1"].map((device) => ({
      space: world.space,
      device: keyOf(device).publicKey,
      nonce,
      isInitiator: device === "a1",
      isMember: () => true,
      hash
    }))
    const { toSign } = Result.getOrThrow(onHello(other!, hello(setup!)))
    const proof = keyOf("a1").sign(toSign)
    const promoting = world.put("a1", world.genesis, world.bob.admission(world.space, "b2", 4))
    assert.strictEqual(world.receive({ bytes: encodeSigned(promoting.op, proof) }), "refused")
    // what a device signs to become one of an identity's, and what it signs to enter a space, are two things
    const { acceptance } = world.bob.addDevice("b2")
    for (const signature of [proof, acceptance, keyOf("b2").sign(named("a challenge"))]) {
      const forged = { ...world.bob.admission(world.space, "b2", 2), acceptance: signature }
      assert.strictEqual(world.standing(world.put("a1", world.genesis, forged)), "refused")
      const added = { type: "AddDevice" as const, ...deviceKeys("a2"), acceptance: signature }
      assert.strictEqual(world.standing(world.put("a1", world.genesis, added)), "refused")
    }
    // nor does Bob's seed phrase make a device of one that did not want to be
    const own = ownOf(world.bob)
    const root = { space: world.bob.identity, parents: [], proof: null, time: 0 }
    const unwilling = { ...world.bob.addDevice("b2"), acceptance: proof }
    assert.strictEqual(own.receive(made({ ...root, payload: unwilling }, world.bob.recovery).bytes), "refused")
    assert.strictEqual(own.receive(made({ ...root, payload: world.bob.addDevice("b2") }, world.bob.recovery).bytes), "taken")
    // Bob's consent to be a reader is none to be an owner, nor to be one in another space
    const consent = world.bob.admission(world.space, "b3", 1)
    assert.strictEqual(world.standing(world.put("a1", world.genesis, { ...consent, role: 4 })), "refused")
    const elsewhere = world.bob.admission(named("another space"), "b3", 1)
    assert.strictEqual(world.standing(world.put("a1", world.genesis, elsewhere)), "refused")
    assert.strictEqual(world.members, everybody)
  })

  it("[X3] an entry of a frontier or an Endorse is for the one feed that it names, and not for one that looks like it", () => {
    const world = new World()
    const admitted = world.put("c1", world.admitsCarol, { type: "AdmitFeed", manifest: manifestOf(world.space, "c1", "feed") })
    assert.strictEqual(world.standing(admitted), "valid")
    const feed = keyOf("feed").publicKey
    const alike = Uint8Array.from(feed)
    alike[15]! ^= 1
    const seen = (of: Uint8Array) => ({ feed: of, length: 9, counter: 90, root16: named("root").slice(0, 16) })
    const removing = (of: Uint8Array): Payload => ({
      type: "Cap",
      identity: world.carol.identity,
      maxRole: 0,
      frontier: [seen(of)],
      voidFrom: null
    })
    const removal = world.put("a1", world.genesis, removing(alike), [admitted])
    // re-keyed by who passes it on, its signature does not hold
    const rekeyed = Uint8Array.from(removal.bytes)
    rekeyed.set(feed, Buffer.from(rekeyed).indexOf(alike))
    assert.strictEqual(world.receive({ bytes: rekeyed }), "refused")
    assert.strictEqual(world.counts("feed"), Number.POSITIVE_INFINITY)
    // as it is, it says nothing of the feed that it does not name
    assert.strictEqual(world.standing(removal), "valid")
    assert.strictEqual(world.counts("feed"), 0)
    assert.strictEqual(world.standing(world.put("a1", world.genesis, { type: "Endorse", feeds: [seen(alike)] })), "valid")
    assert.strictEqual(world.counts("feed"), 0)
    assert.strictEqual(world.standing(world.put("a1", world.genesis, { type: "Endorse", feeds: [seen(feed)] })), "valid")
    assert.strictEqual(world.counts("feed"), 90)
  })

  it("[X4] an admin takes no role from an owner, nor his devices", () => {
    const world = new World()
    const { identity } = world.alice
    for (const maxRole of [0, 1, 3] as const)
      world.receive(world.put("b1", world.admitsBob, { type: "Cap", identity, maxRole, frontier: [], voidFrom: null }))
    const device = keyOf("a1").publicKey
    for (const voidFrom of [null, world.genesis.id])
      world.receive(
        world.put("b1", world.admitsBob, { type: "RemoveDevice", identity, device, reason: 3, frontier: [], voidFrom })
      )
    assert.strictEqual(world.members, everybody)
    const after = world.put("a1", world.genesis, { type: "SetPolicy", isLocked: true })
    assert.strictEqual(world.standing(after), "valid")
  })

  it("[X5] a reader, or a stranger, endorses nothing, sets no policy and rotates no keys, and nobody founds a space twice", () => {
    const world = new World()
    const seen = { feed: keyOf("feed").publicKey, length: 1, counter: 1, root16: named("root").slice(0, 16) }
    const payloads: ReadonlyArray<Payload> = [
      { type: "Endorse", feeds: [seen] },
      { type: "SetPolicy", isLocked: true },
      { type: "KeyRotate", content: encode([]) }
    ]
    for (const payload of payloads) {
      assert.strictEqual(world.standing(world.put("c1", world.admitsCarol, payload)), "malformed", payload.type)
      for (const proof of [world.genesis, world.admitsCarol])
        assert.strictEqual(world.standing(world.put("stranger", proof, payload)), "malformed", payload.type)
    }
    const second = made(
      { space: world.space, parents: [], proof: null, time: 9, payload: new Person("Mallory").founding("m1") },
      keyOf("m1")
    )
    assert.strictEqual(world.standing(second), "refused")
    assert.strictEqual(world.members, everybody)
    // the space is not locked
    assert.strictEqual(world.standing(world.put("a1", world.genesis, new Person("Eve").admission(world.space, "e1", 1))), "valid")
  })

  it("[X6] a feed that a stranger admits counts nowhere, whoever's right he names", () => {
    const world = new World()
    for (const proof of [world.genesis, world.admitsBob, world.admitsCarol]) {
      const own = world.put("stranger", proof, { type: "AdmitFeed", manifest: manifestOf(world.space, "stranger", "feed") })
      assert.strictEqual(world.standing(own), "malformed")
      // a manifest that Alice's device signed, which he has taken from elsewhere
      const hers = world.put("stranger", proof, { type: "AdmitFeed", manifest: manifestOf(world.space, "a1", "feed") })
      assert.strictEqual(world.standing(hers), "refused")
    }
    assert.strictEqual(world.counts("feed"), 0)
  })

  it("[X7] a stranger writes nothing in an owner's own space, where her profile is, though he signs in her name", () => {
    const alice = new Person("Alice")
    const own = ownOf(alice)
    const root = alice.link("a1")
    assert.strictEqual(own.receive(root.bytes), "taken")
    const content = { space: alice.identity, parents: [root.id], proof: root.id, time: 1 }
    const mallory = keyOf("m1")
    const feed = made({ ...content, payload: { type: "AdmitFeed", manifest: manifestOf(alice.identity, "m1", "feed") } }, mallory)
    const device = made({ ...content, payload: alice.addDevice("m1") }, mallory)
    const rooted = made({ ...content, parents: [], proof: null, payload: alice.addDevice("m1") }, new Person("Mallory").recovery)
    for (const forged of [feed, device, rooted]) {
      assert.strictEqual(own.receive(forged.bytes), "taken")
      assert.strictEqual(own.membership.standing(text(forged.id)), "malformed")
    }
    assert.strictEqual(acceptedPrefix(own.membership, text(keyOf("feed").publicKey), open).counter, 0)
    assert.deepStrictEqual(own.membership.member(text(alice.identity))!.devices, [text(keyOf("a1").publicKey)])
  })

  it("[X8] a member who was removed admits no feed any more, back-dated or not", () => {
    const world = new World()
    const { identity } = world.bob
    const removal = world.put("a1", world.genesis, { type: "Cap", identity, maxRole: 0, frontier: [], voidFrom: null }, [
      world.admitsBob
    ])
    assert.strictEqual(world.standing(removal), "valid")
    for (const seen of [[], [removal]]) {
      const feed = `feed ${seen.length}`
      const admission = world.put(
        "b1",
        world.admitsBob,
        { type: "AdmitFeed", manifest: manifestOf(world.space, "b1", feed) },
        seen
      )
      assert.strictEqual(world.standing(admission), "quarantined")
      assert.strictEqual(world.counts(feed), 0)
    }
  })

  it("[X9] a bad operation that says the id of a good one, and comes first, keeps the good one from nobody", () => {
    const world = new World()
    const good = world.put("a1", world.genesis, new Person("Victim").admission(world.space, "v1", 2))
    const bad = encodeSigned(good.op, keyOf("m1").sign(good.op))
    assert.deepStrictEqual(read(bad, world.space).id, good.id)
    assert.strictEqual(world.receive({ bytes: bad }), "refused")
    assert.strictEqual(world.standing(good), "valid")
    assert.strictEqual(world.receive({ bytes: bad }), "refused")
    assert.include(world.members, "a stranger 2")
    // an id cannot be chosen: whatever is changed in an operation changes it
    const other = world.put("a1", world.genesis, new Person("Victim").admission(world.space, "v1", 2))
    assert.notStrictEqual(text(other.id), text(good.id))
  })

  it("[X10] who founded a space is known after its bytes have been on the wire, in whatever array they come", () => {
    const world = new World()
    const { identity } = world.alice
    for (const bytes of [Buffer.from(world.genesis.bytes), Uint8Array.from([...world.genesis.bytes, 0]).subarray(0, -1)]) {
      const received = new Receiver(Buffer.from(world.space))
      assert.strictEqual(received.receive(bytes), "taken")
      bytes.fill(0)
      const expected = { identity: text(identity), role: 4, devices: [text(keyOf("a1").publicKey)] }
      assert.deepStrictEqual(received.membership.members(), [expected as never])
      assert.strictEqual(received.membership.holder(text(world.genesis.id), text(keyOf("a1").publicKey)), text(identity))
    }
  })
})
