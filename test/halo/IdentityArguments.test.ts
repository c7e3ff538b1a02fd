/** What untyped programs give to identities and memberships: told at the call, by what it takes, and nothing is made of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import { ArgumentInvalid } from "../../src/schema/platform/ArgumentInvalid.ts"

/** The calls that no compiler would let through, each with what its message says. */
type Call = readonly [says: string, call: (...given: ReadonlyArray<never>) => Effect.Effect<unknown, unknown>, ...unknown[]]

const dies = Effect.fnUntraced(function* ([says, call, ...given]: Call) {
  const exit = yield* Effect.exit(Effect.suspend(() => Reflect.apply(call, undefined, given) as Effect.Effect<unknown, unknown>))
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  assert.instanceOf(error, ArgumentInvalid, `${says}: ${Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "it was taken"}`)
  assert.include((error as ArgumentInvalid).message, says)
})

const opened = Effect.gen(function* () {
  const peer = yield* PeerMemory.open
  const { identity } = yield* peer.identities.create({ name: "Ann" })
  return { peer, identity, home: yield* peer.spaces.create({ name: "Home" }) }
})

describe("arguments", () => {
  it.effect("of a space's membership are judged at the call", () =>
    Effect.gen(function* () {
      const { home, identity } = yield* opened
      const { membership } = home
      const before = [yield* membership.people, yield* membership.policy, yield* home.stateHash]
      const who = "takes an identity"
      const calls: ReadonlyArray<Call> = [
        [`takes "invite" or "locked", and was given "x"`, membership.setPolicy, "x"],
        [`takes "invite" or "locked"`, membership.setPolicy, true],
        ["takes a name, and was given 7", membership.setName, 7],
        [`takes "reader" or "editor" or "admin" or "owner", and was given "king"`, membership.offer, "king"],
        [`takes "reader"`, membership.offer, undefined],
        ["takes the text that `peer.accept` answered, and was given 5", membership.admit, 5],
        [`takes "reader" or "editor" or "admin", and was given "owner"`, membership.demote, identity.id, "owner"],
        [`takes "reader" or "editor" or "admin", and was given "none"`, membership.demote, identity.id, "none"],
        [who, membership.remove, undefined],
        [who, membership.provenance, { id: identity.id }],
        ["since: a time in milliseconds since 1970", membership.remove, identity.id, { since: Number.NaN }],
        ["since: a time in milliseconds since 1970", membership.remove, identity.id, { since: -1 }],
        ["since: a time in milliseconds since 1970", membership.remove, identity.id, { since: "yesterday" }],
        ["takes an object with since", membership.remove, identity.id, 5],
        ["takes the key of a device", membership.removeDevice, identity.id, {}],
        ["a seed phrase as Redacted.make", membership.removeDevice, identity.id, identity.device, { phrase: "words" }],
        ["a seed phrase as Redacted.make", membership.leave, "words"],
        ["takes a feed", membership.endorse, 3],
        ["takes a time in milliseconds since 1970", membership.changesBy, identity.device, "now"]
      ]
      for (const call of calls) yield* dies(call)
      const long = yield* Effect.flip(membership.setName("a".repeat(10_000)))
      assert.match(long.message, /it takes 10000 bytes, and 256 are allowed/)
      assert.deepStrictEqual([yield* membership.people, yield* membership.policy, yield* home.stateHash], before)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("of identities are judged at the call", () =>
    Effect.gen(function* () {
      const { identity, peer } = yield* opened
      const { identities } = peer
      const calls: ReadonlyArray<Call> = [
        ["takes an object with name", identities.create, undefined],
        ["takes an object with name", identities.create, { name: 5 }],
        ["words: 12 or 24", identities.create, { name: "Bob", words: 13 }],
        ["takes an object with name", identities.create, { name: "Bob", device: 1 }],
        ["takes the id of an identity", identities.get, null],
        ["takes an offer, and was given 5", peer.accept, 5],
        ["takes an object with identity", peer.accept, "text", { identity: 5 }],
        ["takes a welcome", peer.enter, new Uint8Array(3)],
        ["takes a name, and was given 7", identity.setName, 7],
        ["takes the key of a device", identity.rename, 7, "phone"],
        ["takes a name", identity.rename, identity.device, undefined],
        ["takes a platform", identity.rename, identity.device, "phone", 7],
        ["a seed phrase as Redacted.make", identity.confirm, 7],
        ["a seed phrase as Redacted.make", identity.confirm, Redacted.make(7)],
        ["takes the text that `peer.accept` answered", identity.admit, ["text"]],
        ["takes a time in milliseconds since 1970", identity.history, identity.device, Number.POSITIVE_INFINITY],
        ["takes the key of a device", identity.revoke],
        ["since: a time in milliseconds since 1970", identity.revoke, identity.device, { since: new Date(0) }]
      ]
      for (const call of calls) yield* dies(call)
      assert.lengthOf(yield* identities.list, 1)
      assert.strictEqual(yield* identity.name, "Ann")
      assert.lengthOf(yield* identity.devices, 1)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
