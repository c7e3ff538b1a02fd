/** Tickets as people copy them: what was damaged on the way opens nothing. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

describe("a ticket", () => {
  it.live("with any one character changed or lost is refused, and no space is opened or kept", () =>
    Effect.gen(function* () {
      const peer = yield* PeerMemory.open
      const home = yield* peer.spaces.create({ name: "Home" })
      const { ticket } = home
      const reasons = new Set<string>()
      const damaged = [...ticket].flatMap((character, i) => {
        const other = alphabet[(alphabet.indexOf(character) + 1 + (i % 60)) % 64]!
        return [ticket.slice(0, i) + other + ticket.slice(i + 1), ticket.slice(0, i) + ticket.slice(i + 1)]
      })
      for (const text of damaged) {
        const refusal = yield* Effect.flip(peer.spaces.open(text))
        assert.strictEqual(refusal._tag, "TicketInvalid", text)
        reasons.add(refusal.message)
      }
      assert.include([...reasons].join("\n"), "it was damaged on its way, or copied wrongly. Copy the whole ticket")
      assert.lengthOf(yield* peer.spaces.list, 1)
      assert.strictEqual(yield* peer.spaces.open(` ${ticket}\n`), home)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
