/**
 * Connections through a network inside this process: no signals, only the id of the meeting.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MemoryNetwork } from "../../services/mesh/MemoryNetwork.ts"
import { Transport } from "../../services/mesh/Transport.ts"

const make = Effect.map(MemoryNetwork, (network) =>
  Transport.of({ name: "memory", connect: (meeting) => network.meet(meeting.id) })
)

export const layer: Layer.Layer<Transport, never, MemoryNetwork> = Layer.effect(Transport, make)
