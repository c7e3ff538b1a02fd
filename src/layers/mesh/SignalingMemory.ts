/**
 * Signaling through a network inside this process.
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import { signalBytesMax } from "../../schema/platform/Limits.ts"
import { MemoryNetwork } from "../../services/mesh/MemoryNetwork.ts"
import { Signaling } from "../../services/mesh/Signaling.ts"
import { Crypto } from "../../services/platform/Crypto.ts"

const make = Effect.gen(function* () {
  const network = yield* MemoryNetwork
  const crypto = yield* Crypto
  return Signaling.of({
    join: Effect.fnUntraced(function* (topic) {
      const self = Hex.encode(yield* crypto.random(16))
      const place = yield* network.join(topic, self)
      return {
        self,
        events: place.events,
        // a copy, since what is sent belongs to the sender again
        send: (to, payload) => (payload.length > signalBytesMax ? Effect.void : place.send(to, payload.slice()))
      }
    })
  })
})

export const layer: Layer.Layer<Signaling, never, MemoryNetwork | Crypto> = Layer.effect(Signaling, make)
