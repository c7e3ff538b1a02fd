/** Rights that are taken away: what a thief signed apart from each other is void, and what was seen of who is removed stays. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { bytesOfText } from "../../src/schema/echo/FeedTable.ts"
import { roles } from "../../src/schema/halo/Operation.ts"
import { encodeOperation } from "../../src/schema/halo/OperationCodec.ts"
import { encodeSigned, operationMessage } from "../../src/schema/halo/OperationFrame.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { beginningsMax, operationParentsMax } from "../../src/schema/platform/Limits.ts"
import type { Space } from "../../src/services/echo/SpaceService.ts"
import { letIn, type Person, person } from "../halo/Household.ts"
import { hash, Person as Stranger } from "../halo/People.ts"
import { elapse } from "../mesh/Elapse.ts"

interface Said {
  readonly time: number
  /** On top of all that is there; else of what let the device in alone. */
  readonly isOnTop?: boolean
}

/** An operation that a person's device signs by hand. */
const say = ({ identity, keyring, operations }: Person, home: Space, payload: Payload, { isOnTop = false, time }: Said) =>
  Effect.gen(function* () {
    const space = bytesOfText(home.id)
    const { heads, membership, take } = yield* operations.open(space, null)
    const proof = bytesOfText(membership.rightOf(identity.deviceText)!.proof!)
    const parents = isOnTop ? heads() : [proof]
    const op = encodeOperation({ space, parents, by: identity.device, proof, time, payload })
    const { added, refused } = yield* take([encodeSigned(op, yield* keyring.sign(identity.device, operationMessage(op, hash)))])
    assert.lengthOf(added, 1, refused.join())
  }).pipe(Effect.scoped)

const stranger = (name: string, home: Space): Payload =>
  new Stranger(name).admission(bytesOfText(home.id), `${name}, phone`, roles.reader)

const peopleOf = (home: Space) => Effect.map(home.membership.people, (people) => people.map(({ identity }) => identity).sort())

const together = Effect.gen(function* () {
  const [ann, bob, carol] = [yield* person, yield* person, yield* person]
  const hers = yield* ann.spaces.create({ name: "Home" })
  const his = yield* letIn(hers, bob, "admin")
  const third = yield* letIn(hers, carol, "editor")
  yield* elapse("5 seconds")
  return { ann, bob, carol, hers, his, third }
})

describe("A theft", () => {
  it.effect("[S10] has as many beginnings as its thief has signed operations apart from each other, and nothing before it", () =>
    Effect.gen(function* () {
      const { ann, bob, carol, hers, his, third } = yield* together
      yield* say(bob, his, stranger("friend", his), { time: yield* Clock.currentTimeMillis })
      yield* elapse("5 seconds")
      const before = yield* peopleOf(hers)
      assert.lengthOf(before, 4)
      const since = yield* Clock.currentTimeMillis
      for (const name of ["one", "two"]) yield* say(bob, his, stranger(name, his), { time: since })
      const cap = { type: "Cap", identity: carol.identity.id, maxRole: 0, frontier: [], voidFrom: null } as const
      yield* say(bob, his, cap, { time: since + 1 })
      yield* elapse("5 seconds")
      assert.strictEqual(yield* third.membership.role, null)
      assert.lengthOf(yield* peopleOf(hers), 5)
      yield* hers.membership.remove(bob.identity.text, { since })
      // who was out until now is told when it asks again
      yield* elapse("90 seconds")
      const left = before.filter((identity) => identity !== bob.identity.text)
      for (const space of [hers, third]) assert.deepStrictEqual(yield* peopleOf(space), left)
      assert.strictEqual(yield* third.membership.role, "editor")
      assert.include(left, ann.identity.text)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("an operation that says an early time and has seen a later one is the thief's, too", () =>
    Effect.gen(function* () {
      const { bob, hers, his } = yield* together
      const since = yield* Clock.currentTimeMillis
      yield* elapse("1 seconds")
      yield* hers.membership.setPolicy("invite")
      yield* elapse("5 seconds")
      yield* say(bob, his, stranger("evil", his), { time: 1, isOnTop: true })
      yield* elapse("5 seconds")
      assert.lengthOf(yield* peopleOf(hers), 4)
      yield* hers.membership.remove(bob.identity.text, { since })
      assert.lengthOf(yield* peopleOf(hers), 2)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("[S39] of more beginnings than revocations name, all is void that the device ever did, and the space goes on", () =>
    Effect.gen(function* () {
      const { ann, bob, hers, his, third } = yield* together
      const since = yield* Clock.currentTimeMillis
      for (let n = 0; n <= beginningsMax; n++) yield* say(bob, his, stranger(`junk ${n}`, his), { time: since + n })
      yield* elapse("20 seconds")
      assert.lengthOf(yield* peopleOf(third), 3 + beginningsMax + 1)
      yield* hers.membership.remove(bob.identity.text, { since })
      yield* elapse("20 seconds")
      for (const space of [hers, third]) assert.lengthOf(yield* peopleOf(space), 2)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { list } = yield* ann.operations.open(bytesOfText(hers.id), null)
          const caps = list().filter(({ payload }) => payload.type === "Cap")
          assert.lengthOf(caps, 1)
          assert.strictEqual(caps[0]!.operation.by, Base64Url.encode(ann.identity.device))
        })
      )
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("A removal", () => {
  it.effect("keeps what its signer had seen of whom it removes, however many operations stand beside each other", () =>
    Effect.gen(function* () {
      const { bob, carol, hers, his, third } = yield* together
      yield* say(bob, his, stranger("friend", his), { time: 0 })
      for (let n = 0; n < 3 * operationParentsMax; n++)
        yield* say(carol, third, { type: "KeyRotate", content: encode([n]) }, { time: n })
      yield* elapse("10 seconds")
      assert.lengthOf(yield* peopleOf(hers), 4)
      yield* hers.membership.remove(bob.identity.text)
      assert.lengthOf(yield* peopleOf(hers), 3)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
