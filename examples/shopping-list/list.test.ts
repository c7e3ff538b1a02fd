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
    /** Purchases that were begun, and those whose buyers were told that they are done: buyer and item. */
    const [begun, done]: [Array<string>, Array<string>] = [[], []]

    yield* world.play((step, peer) =>
      home.in(peer, (space) =>
        Effect.gen(function* () {
          if ("add" in step) return void (yield* list.add(space, step.add))
          const line = (yield* list.lines(space)).find(({ name }) => name === step.buy)
          if (line === undefined) return
          const purchase = `${peer.name} ${line.name} ${line.id}`
          begun.push(purchase)
          yield* list.buy(space, line.id, peer.name)
          done.push(purchase)
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
  const shown = lines.flatMap(({ boughtBy, id, name }) => boughtBy.map((by) => `${by} ${name} ${id}`))
  for (const purchase of new Set([...shown, ...begun])) {
    const [found, least, most] = [times(shown, purchase), times(done, purchase), times(begun, purchase)]
    const [by, name] = purchase.split(" ")
    if (found < least || found > most) return `${by} bought ${name} ${least}×, and the list shows it ${found}×`
  }
  return true
}
// #endregion judge
