/**
 * Maelstrom's broadcast: a message is given to one peer, and comes to all of them. Here they gossip through a space.
 *
 * In the end each peer shows every message that was acknowledged, once, and none that nobody gave. A message whose acknowledgement never
 * came, since its peer crashed, may be there or not.
 */
import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType, type Space } from "troupe"
import { Faults, type Trial, Workload } from "troupe/simulation"
import { it } from "troupe/testing"

const Message = ObjectType.make("Message", { text: Schema.String })

/** The program. The mistake is to acknowledge what a loss of power takes back. */
const broadcast = (space: Space, text: string, isMistaken: boolean) =>
  space.create(Message, { text }, { durability: isMistaken ? "relaxed" : "strict" })

const read = (space: Space) => Effect.map(space.query(Message, { orderBy: "text" }).all, (all) => all.map(({ text }) => text))

const Step = Schema.Struct({ broadcast: Schema.Int })

const body = (isMistaken: boolean) => (world: Trial<typeof Step.Type>) =>
  Effect.gen(function* () {
    const shared = yield* world.together("Messages")
    const [given, acknowledged] = [new Set<string>(), new Set<string>()]
    yield* world.play((step, peer) =>
      Effect.gen(function* () {
        const text = `${given.size}: ${step.broadcast}`
        given.add(text)
        yield* shared.in(peer, (space) => broadcast(space, text, isMistaken))
        acknowledged.add(text)
      })
    )
    yield* world.converged(shared, { within: "1 minute" })
    yield* world.check("messages", (peer) =>
      Effect.map(shared.in(peer, read), (texts) => {
        const lost = [...acknowledged].find((text) => !texts.includes(text))
        const strange = texts.find((text, at) => !given.has(text) || texts.indexOf(text) !== at)
        if (lost !== undefined) return `"${lost}" was acknowledged and is not here`
        return strange === undefined || `"${strange}" is here, and nobody gave it, or it is here twice`
      })
    )
    world.met("acknowledged", acknowledged.size)
  })

const options = { seeds: 20, faults: Faults.swarm, workload: Workload.make({ step: Step }) }

describe("Maelstrom: broadcast", () => {
  it.simulated("broadcast reaches everybody", options, body(false))
  it.simulated.fails(
    "finds a broadcast that is acknowledged before it is durable",
    { ...options, breaks: "messages" },
    body(true)
  )
})
