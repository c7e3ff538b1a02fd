/**
 * Maelstrom's g-counter: everybody adds to one number, which only grows.
 *
 * At no moment a read shows more than what was begun, and in the end all read the same: at least what was acknowledged. An addition that
 * failed may count or not. A read may be late, and may shrink on a device that has lost power, which had shown what was not durable.
 */
import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType, type Space } from "troupe"
import { Faults, type Trial, Workload } from "troupe/simulation"
import { it } from "troupe/testing"

/** An addition is an object of its own, and the number is their sum: no two of them can overwrite each other. */
const Addition = ObjectType.make("Addition", { by: Schema.Int })

const add = (space: Space, by: number) => space.create(Addition, { by })
const read = (space: Space) => Effect.map(space.query(Addition).all, (all) => all.reduce((sum, { by }) => sum + by, 0))

/** The mistake: the number itself is read, added to and written. */
const addToLast = Effect.fnUntraced(function* (space: Space, by: number) {
  const [sum] = yield* space.query(Addition).all
  if (sum === undefined) yield* space.create(Addition, { by })
  else yield* space.update(sum, { by: sum.by + by })
})

const Step = Schema.Union([
  Schema.Struct({ add: Schema.Literals([1, 2, 3, 4, 5]) }),
  Schema.Struct({ read: Schema.Literal("sum") })
])

const body = (isMistaken: boolean) => (world: Trial<typeof Step.Type>) =>
  Effect.gen(function* () {
    const shared = yield* world.together("Counter")
    let [begun, acknowledged] = [0, 0]
    yield* world.play((step, peer) =>
      Effect.gen(function* () {
        if ("read" in step) {
          const sum = yield* shared.in(peer, read)
          if (sum > begun) yield* world.violated("sum", `${sum} is shown, and no more than ${begun} was begun`, peer.name)
          return
        }
        begun += step.add
        yield* shared.in(peer, (space) => (isMistaken ? addToLast : add)(space, step.add))
        acknowledged += step.add
      })
    )
    yield* world.converged(shared, { within: "1 minute" })
    yield* world.check("sum", (peer) =>
      Effect.map(shared.in(peer, read), (sum) => {
        return (sum >= acknowledged && sum <= begun) || `${sum} is shown; ${acknowledged} was acknowledged, and ${begun} begun`
      })
    )
  })

const options = { seeds: 20, faults: Faults.swarm, workload: Workload.make({ step: Step }) }

// #region tests
describe("Maelstrom: g-counter", () => {
  it.simulated("every addition counts", options, body(false))
  it.simulated.fails("finds a sum in a register", { ...options, breaks: "sum" }, body(true))
})
// #endregion tests
