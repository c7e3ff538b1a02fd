/**
 * What the list promises, tried in 200 worlds in which devices lose power, are cut off and fill their disks; with MISTAKE=1, of the
 * list that has a mistake.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Faults, Workload } from "troupe/simulation"
import { it } from "troupe/testing"
import * as right from "./list.ts"
import * as mistaken from "./mistake.ts"

const list = process.env["MISTAKE"] === undefined ? right : mistaken

// #region test
const peers = ["ann", "bob", "cy"]
const Name = Schema.Literals(["milk", "bread", "eggs"])
const Step = Schema.Union([Schema.Struct({ add: Name }), Schema.Struct({ buy: Name })])
const workload = Workload.make({ step: Step })

it.simulated("what somebody bought stays bought", { peers, seeds: 200, faults: Faults.swarm, workload }, (world) =>
  Effect.gen(function* () {
    const home = yield* world.together("Home")
    /** Purchases that were begun, and those whose buyers were told that they are done: a buyer and an item each. */
    const [begun, done]: [Array<string>, Array<string>] = [[], []]

    yield* world.play((step, peer) =>
      home.in(peer, (space) =>
        Effect.gen(function* () {
          if ("add" in step) return void (yield* list.add(space, step.add))
          const line = (yield* list.lines(space)).find(({ name }) => name === step.buy)
          if (line === undefined) return
          begun.push(`${peer.name} ${line.id}`)
          yield* list.buy(space, line.id, peer.name)
          done.push(`${peer.name} ${line.id}`)
        })
      )
    )

    yield* world.converged(home, { within: "1 minute" })
    yield* world.check("bought stays bought", (peer) =>
      Effect.map(home.in(peer, list.lines), (lines) => judge(lines, begun, done))
    )
  })
)
// #endregion test

// #region judge
/** Every purchase that is done is shown, and none that nobody began. One that failed may have happened or not. */
const judge = (lines: ReadonlyArray<right.Line>, begun: ReadonlyArray<string>, done: ReadonlyArray<string>) => {
  const times = (all: ReadonlyArray<string>, one: string) => all.filter((each) => each === one).length
  for (const { boughtBy, id, name } of lines)
    for (const by of peers) {
      const [shown, least, most] = [times(boughtBy, by), times(done, `${by} ${id}`), times(begun, `${by} ${id}`)]
      if (shown < least || shown > most) return `${by} bought ${name} ${least}×, and the list shows it ${shown}×`
    }
  return true
}
// #endregion judge
