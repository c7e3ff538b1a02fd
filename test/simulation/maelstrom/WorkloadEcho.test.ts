/**
 * Maelstrom's echo: whoever is asked answers what was said. Here actors of each device answer calls from the others.
 *
 * An answer is what was said, whatever happens. A call may fail while something is broken, and none does once all has healed.
 */
import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { Actor, Peer } from "troupe"
import { Faults, type SimulatedPeer, type Trial, Workload } from "troupe/simulation"
import { it } from "troupe/testing"

const Echo = Actor.make("Echo", [
  Rpc.make("Say", { payload: { what: Schema.Int }, success: Schema.Int }).annotate(Actor.Callers, Actor.members)
])

/** What each device runs. An actor takes one message at a time, so `said` is safe in it; the mistake is one `said` for all of them. */
const program = (isMistaken: boolean) => () => {
  const ofAll = { said: 0 }
  const answers = Effect.sync(() => {
    const own = isMistaken ? ofAll : { said: 0 }
    return Echo.handlers({
      Say: ({ what }) => {
        own.said = what
        return Effect.map(Effect.yieldNow, () => own.said)
      }
    })
  })
  const opened = Peer.use(({ spaces }) =>
    Effect.flatMap(spaces.list, (all) => Effect.forEach(all, ({ ticket }) => spaces.open(ticket)))
  )
  return Layer.merge(Echo.toLayer(answers), Layer.effectDiscard(Effect.forkScoped(opened)))
}

const Step = Schema.Struct({ say: Schema.Int, to: Schema.Literals([0, 1, 2]) })

const body = (world: Trial<typeof Step.Type>) =>
  Effect.gen(function* () {
    yield* world.together("Acquainted")
    const devices = yield* Effect.forEach(world.peers, (peer) => peer.run(Effect.map(Peer, ({ device }) => device)))
    /** Calls two actors of a device at the same time, and says how often they answered. */
    const say = ({ say, to }: typeof Step.Type, peer: SimulatedPeer) =>
      Effect.forEach(
        [say, -say],
        Effect.fnUntraced(function* (what, n) {
          const actor = yield* Echo.client(`echo ${n}`)
          const answer = yield* actor.Say({ what }, { timeout: 5_000 })
          if (answer !== what) yield* world.violated("echo", `${what} was said, and ${answer} came back`, peer.name)
        }),
        { concurrency: "unbounded", discard: true }
      ).pipe(Effect.provide(Echo.placed(() => devices[to]!)), peer.run)
    yield* world.play(say)
    yield* Effect.sleep("30 seconds")
    yield* world.check("echo after all has healed", (peer) =>
      Effect.as(
        Effect.forEach(Step.fields.to.literals, (to) => say({ say: 7, to }, peer)),
        true
      )
    )
  })

const options = { seeds: 20, faults: Faults.swarm, workload: Workload.make({ step: Step }) }

describe("Maelstrom: echo", () => {
  it.simulated("echo answers what was said", { ...options, layer: program(false) }, body)
  it.simulated.fails("finds an echo whose actors share a variable", { ...options, breaks: "echo", layer: program(true) }, body)
})
