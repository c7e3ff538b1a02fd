/** What attackers try on the operations of a space, against the real store: bytes with signatures, in whichever order serves them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { acceptMessage } from "../../src/schema/halo/Acceptance.ts"
import { acceptedPrefix } from "../../src/schema/halo/AcceptedPrefix.ts"
import { encodeSigned } from "../../src/schema/halo/OperationFrame.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { ann, attacked, bob, carol, everybody, mallory, removing, removingDevice, text } from "./Attacked.ts"
import { deviceKeys, hash, keyOf, type Made, made, manifestOf, named, Person } from "./People.ts"

const dave = new Person("Dave")
const open = { floor: 0, freeze: Number.POSITIVE_INFINITY }
const invitation: Payload = {
  ...{ type: "Invite", key: keyOf("invitation").publicKey, role: 2, maxUses: 1, expiresAt: 0 },
  ...{ hosts: "admins", secret: named("secret").slice(0, 16) }
}

describe("Operations, attacked", () => {
  it.effect("[S4] an identity that is claimed without its device's signature is refused", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const { space } = world
      const accepted = { space, identity: dave.identity, role: 2, ...deviceKeys("watch") } as const
      const acceptance = keyOf("evil").sign(acceptMessage(accepted, hash))
      const claim = world.by("phone", world.admitsBob, { ...dave.admission(space, "watch", 2), acceptance })
      assert.deepStrictEqual((yield* world.take(claim)).refused, ["a signature does not hold"])
      assert.strictEqual(world.members, everybody)
    })
  )

  it.effect("[S9] nothing that a removed device back-dates changes anything", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const removal = world.by("laptop", world.genesis, removing(bob), [world.admitsBob])
      yield* world.take(removal)
      const backDated = [
        removing(carol),
        mallory.admission(world.space, "evil", 2),
        bob.addDevice("another phone"),
        { type: "SetPolicy", isLocked: true } as const
      ].map((payload) => world.by("phone", world.admitsBob, payload))
      yield* world.take(...backDated)
      assert.strictEqual(world.members, "ann 4,carol 2")
      for (const each of backDated) assert.strictEqual(world.standing(each), "quarantined")
      assert.isFalse(world.operations.membership.isLockedNow())
    })
  )

  it.effect(
    "[S10] a stolen founder's laptop is undone by the phrase from its theft on, though an admin removed it plainly, too",
    () =>
      Effect.gen(function* () {
        const world = yield* attacked
        const theft = world.by("laptop", world.genesis, mallory.admission(world.space, "evil", 4), [world.admitsCarol])
        const revenge = world.by("laptop", world.genesis, removing(bob), [theft])
        const plain = world.by("phone", world.admitsBob, removingDevice(ann, "laptop"), [revenge])
        yield* world.take(theft, revenge, plain)
        const undone = world.by(ann.recovery, world.genesis, removingDevice(ann, "laptop", theft), [plain])
        yield* world.take(undone)
        assert.strictEqual(world.members, everybody)
        assert.strictEqual(world.standing(revenge), "quarantined")
        assert.strictEqual(world.operations.membership.device(text(keyOf("laptop").publicKey)).standing, "former")
      })
  )

  it.effect("[S12] whom a removed member admits unseen is out, and what he wrote himself is brought back by an Endorse", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const feed = world.by("phone", world.admitsBob, { type: "AdmitFeed", manifest: manifestOf(world.space, "phone", "feed") })
      const removal = world.by("laptop", world.genesis, removing(bob), [feed])
      const admission = world.by("phone", world.admitsBob, dave.admission(world.space, "watch", 2), [feed])
      const name = text(keyOf("feed").publicKey)
      const counted = () => acceptedPrefix(world.operations.membership, name, open).counter
      yield* world.take(feed, admission)
      assert.strictEqual(counted(), Number.POSITIVE_INFINITY)
      yield* world.take(removal)
      assert.strictEqual(world.members, "ann 4,carol 2")
      assert.strictEqual(counted(), 0)
      const seen = { feed: keyOf("feed").publicKey, length: 3, counter: 41, root16: named("root").slice(0, 16) }
      yield* world.take(world.by("laptop", world.genesis, { type: "Endorse", feeds: [seen] }, [removal]))
      assert.strictEqual(counted(), 41)
    })
  )

  it.effect("[S25] a known identity is not admitted with a foreign device, whoever signs it", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const foreign = made(
        { space: carol.identity, parents: [], proof: null, time: 0, payload: carol.addDevice("evil") },
        mallory.recovery
      )
      const honest = carol.admission(world.space, "evil", 2)
      const forged = { ...honest, certificate: { ...honest.certificate, links: [foreign.bytes] } }
      const operations = [world.by("phone", world.admitsBob, forged), world.by("laptop", world.genesis, forged)]
      const { added, refused } = yield* world.take(...operations)
      assert.deepStrictEqual([added.length, refused.length], [0, 2])
      for (const each of operations) assert.strictEqual(world.standing(each), "malformed")
    })
  )

  it.effect("[S45] what a base holds of a feed is not taken back by a removal", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const feed = world.by("tablet", world.admitsCarol, {
        type: "AdmitFeed",
        manifest: manifestOf(world.space, "tablet", "feed")
      })
      yield* world.take(feed, world.by("phone", world.admitsBob, removing(carol), [feed]))
      const name = text(keyOf("feed").publicKey)
      assert.strictEqual(acceptedPrefix(world.operations.membership, name, { ...open, floor: 7 }).counter, 7)
      assert.strictEqual(acceptedPrefix(world.operations.membership, name, open).counter, 0)
    })
  )

  it.effect("[S53] two recoveries by one phrase, and one invitation on two hosts, evict nobody", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const { recovery } = carol
      const recoveries = ["new tablet", "other tablet"].map((device) =>
        world.by(recovery, world.admitsCarol, carol.addDevice(device))
      )
      const invite = world.by("laptop", world.genesis, invitation)
      const hosted = (person: Person, device: string, host: string, hostProof: Made) => {
        const hosting = { invite: invite.id, host, hostProof: hostProof.id }
        return world.by("invitation", invite, person.redemption(world.space, device, 2, hosting), [hostProof])
      }
      const redeemed = [hosted(dave, "watch", "laptop", world.genesis), hosted(mallory, "evil", "phone", world.admitsBob)]
      yield* world.take(invite, ...recoveries, ...redeemed)
      for (const each of [...recoveries, ...redeemed]) assert.strictEqual(world.standing(each), "valid")
      assert.strictEqual(world.members, "ann 4,another 2,bob 3,carol 2,mallory 2")
      const devices = ["tablet", "new tablet", "other tablet"].map((name) => text(keyOf(name).publicKey)).sort()
      assert.deepStrictEqual(world.operations.membership.member(text(carol.identity))?.devices, devices)
    })
  )

  it.effect("[S57] a locked space takes nobody in, but whom somebody admits who had not seen that", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const locked = world.by("laptop", world.genesis, { type: "SetPolicy", isLocked: true }, [world.admitsBob])
      const seeing = world.by("phone", world.admitsBob, mallory.admission(world.space, "evil", 2), [locked])
      const unseeing = world.by("phone", world.admitsBob, dave.admission(world.space, "watch", 2))
      const { refused } = yield* world.take(locked, seeing, unseeing)
      assert.strictEqual(refused.length, 1)
      assert.strictEqual(world.members, "ann 4,another 2,bob 3,carol 2")
    })
  )

  it.effect("a second Genesis founds nothing, by the founder or anybody", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const founding = { ...mallory.founding("evil"), nonce: named("another").slice(0, 16) }
      const again = { ...ann.founding("laptop"), isLocked: true }
      const content = { space: world.space, parents: [], proof: null, time: 9 }
      const { added, refused } = yield* world.take(
        made({ ...content, payload: founding }, keyOf("evil")),
        made({ ...content, payload: again }, keyOf("laptop"))
      )
      assert.deepStrictEqual([added.length, refused.length, world.members], [0, 2, everybody])
    })
  )

  it.effect("a member who is removed while he admits another takes him along, whichever comes first", () =>
    Effect.gen(function* () {
      for (const isFirst of [true, false]) {
        const world = yield* attacked
        const removal = world.by("laptop", world.genesis, removing(bob), [world.admitsBob])
        const admission = world.by("phone", world.admitsBob, dave.admission(world.space, "watch", 2))
        for (const each of isFirst ? [removal, admission] : [admission, removal]) yield* world.take(each)
        assert.strictEqual(world.members, "ann 4,carol 2")
        assert.strictEqual(world.standing(admission), "quarantined")
      }
    })
  )

  it.effect("a stolen junior device takes nothing from its owner, and loses to the phrase with all that it did", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const junior = world.by("laptop", world.genesis, ann.addDevice("stolen"))
      const against = world.by("stolen", junior, removingDevice(ann, "laptop"))
      const more = world.by("stolen", junior, ann.addDevice("thief's"), [against])
      yield* world.take(junior, against, more)
      const standing = (device: string) => world.operations.membership.device(text(keyOf(device).publicKey)).standing
      assert.deepStrictEqual(["laptop", "stolen", "thief's"].map(standing), ["member", "member", "member"])
      yield* world.take(world.by(ann.recovery, world.genesis, removingDevice(ann, "stolen", against), [more]))
      assert.deepStrictEqual(["laptop", "stolen", "thief's"].map(standing), ["member", "former", "former"])
      assert.strictEqual(world.members, everybody)
    })
  )

  it.effect("a feed that two members admit is the same one's to everybody, in whichever order that came", () =>
    Effect.gen(function* () {
      const feed = text(keyOf("feed").publicKey)
      const owners = new Set<string>()
      for (const isReversed of [false, true]) {
        const world = yield* attacked
        const admits = (device: string, proof: Made) =>
          world.by(device, proof, { type: "AdmitFeed", manifest: manifestOf(world.space, device, "feed") })
        const both = [admits("phone", world.admitsBob), admits("tablet", world.admitsCarol)]
        yield* world.take(...(isReversed ? both.reverse() : both))
        const { deviceOf, membership } = world.operations
        owners.add(`${membership.ownerOf(feed)} ${deviceOf(feed)}`)
      }
      assert.strictEqual(owners.size, 1)
    })
  )

  it.effect("what nobody can read makes a space read-only when who may write there has signed it, and while he may", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const { certificate, ...admission } = dave.admission(world.space, "watch", 2)
      const newer = Uint8Array.from(dave.link("watch").op)
      // a link of operation version 2, in an operation of version 1
      newer[1] = 2
      const unread = { ...admission, certificate: { ...certificate, links: [encodeSigned(newer, new Uint8Array(64))] } }
      const forged = { bytes: Uint8Array.from(world.by("phone", world.admitsBob, unread).bytes) }
      forged.bytes[forged.bytes.length - 1]! ^= 1
      const stranger = world.by("watch", world.genesis, unread)
      assert.strictEqual((yield* world.take(stranger, forged)).refused.length, 2)
      assert.isNull(world.operations.unsupported())
      yield* world.take(world.by("phone", world.admitsBob, unread))
      assert.strictEqual(world.operations.unsupported(), "operation version 2")
      yield* world.take(world.by("laptop", world.genesis, removing(bob), [world.admitsBob]))
      assert.isNull(world.operations.unsupported())
    })
  )

  it.effect("a false signature under a known id, before the true one or after it, keeps it from nobody", () =>
    Effect.gen(function* () {
      const world = yield* attacked
      const rotation = world.by("tablet", world.admitsCarol, { type: "KeyRotate", content: encode([]) })
      const forged = { bytes: Uint8Array.from(rotation.bytes) }
      forged.bytes[forged.bytes.length - 1]! ^= 1
      assert.deepStrictEqual((yield* world.take(forged)).added, [])
      assert.strictEqual((yield* world.take(forged, rotation, forged)).added.length, 1)
      const stored = yield* world.storedBytes
      assert.deepStrictEqual((yield* world.take(forged)).added, [])
      assert.strictEqual(yield* world.storedBytes, stored)
      assert.deepStrictEqual(world.operations.find(text(rotation.id))?.bytes, rotation.bytes)
    })
  )
})
