/** What cannot be made, opened or waited for is refused before anything happens, and says what to give instead. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import { ArgumentInvalid } from "../../src/schema/platform/ArgumentInvalid.ts"

type Bad = never

const failure = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.exit(Effect.timeout(effect, "3 seconds")), (exit) => {
    assert.isTrue(Exit.isFailure(exit))
    const error = Cause.squash((exit as Exit.Failure<unknown, unknown>).cause)
    assert.notInstanceOf(error, TypeError)
    return error as Error & { readonly _tag: string }
  })

describe("a space that cannot be created", () => {
  it.live("leaves none behind", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const keys = yield* Effect.forEach([1, 2], () => PeerMemory.open)
      const wrong: ReadonlyArray<readonly [unknown, string, RegExp]> = [
        [{ name: 5 }, "PropertyInvalid", /name cannot be written: expected a string, got 5/],
        [{ name: "x".repeat(70_000) }, "PropertyInvalid", /more than 65536 bytes/],
        [{}, "PropertyInvalid", /name cannot be written: it is missing/],
        [{ name: "x", members: ["me"] }, "MemberInvalid", /"me" is not a device/],
        [{ name: "x", members: [5] }, "MemberInvalid", /"5" is not a device/],
        [{ name: "x", members: keys[0]!.device }, "ArgumentInvalid", /spaces\.create takes an array of members/],
        [undefined, "ArgumentInvalid", /spaces\.create takes \{ name, identity, members \}, and was given undefined/]
      ]
      for (const [options, tag, says] of wrong) {
        const error = yield* failure(Effect.suspend(() => peer.spaces.create(options as Bad)))
        assert.strictEqual(error._tag, tag)
        assert.match(error.message, says)
      }
      assert.deepStrictEqual(yield* peer.spaces.list, [])
      assert.strictEqual((yield* failure(peer.spaces.open(undefined as Bad)))._tag, "ArgumentInvalid")
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("synced", () => {
  it.live("refuses whom it could wait for without end", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const other = yield* PeerMemory.open
      const stranger = yield* PeerMemory.open
      const home = yield* peer.spaces.create({ name: "Home", members: [other.device] })
      const wrong: ReadonlyArray<readonly [unknown, string, RegExp]> = [
        ["rubbish", "PeerInvalid", /"rubbish" is no member of this space.*space\.members lists it/],
        [stranger.device, "PeerInvalid", /no member/],
        [peer.device, "PeerInvalid", /is this device itself.*Name another member/],
        [
          { quorum: 2 },
          "QuorumInvalid",
          /a quorum of 2 can never be reached: the members besides this device are 1\..*from 0 to 1/
        ],
        [{ quorum: Number.NaN }, "QuorumInvalid", /from 0 to 1/],
        [{ quorum: -1 }, "QuorumInvalid", /from 0 to 1/],
        [{ quorum: 0.5 }, "QuorumInvalid", /whole number/],
        [{}, "ArgumentInvalid", /synced takes a number as quorum/],
        [undefined, "ArgumentInvalid", /synced takes a device's text or/]
      ]
      for (const [target, tag, says] of wrong) {
        const error = yield* failure(home.synced(target as Bad))
        assert.strictEqual(error._tag, tag)
        assert.match(error.message, says)
      }
      yield* home.synced({ quorum: 0 })
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})

describe("ArgumentInvalid", () => {
  it("names the call, what it takes and what it was given", () => {
    const { message } = new ArgumentInvalid({ call: "get", takes: "an object's id", given: undefined })
    assert.strictEqual(message, "get takes an object's id, and was given undefined.")
  })
})
