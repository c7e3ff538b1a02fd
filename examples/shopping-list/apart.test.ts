/**
 * One story, told by hand: two buy the same while they are apart. It is tried under several seeds, which differ in what happens when.
 */
import * as Effect from "effect/Effect"
import { Faults } from "troupe/simulation"
import { it } from "troupe/testing"
import * as right from "./list.ts"
import * as mistaken from "./mistake.ts"

const list = process.env["MISTAKE"] === undefined ? right : mistaken

// #region test
it.simulated("who buys apart is shown", { peers: ["ann", "bob", "cy"], seeds: 10, faults: Faults.none }, (world) =>
  Effect.gen(function* () {
    const [ann, bob] = [world.peer("ann"), world.peer("bob")]
    const home = yield* world.together("Home")
    const milk = yield* home.in(ann, (space) => list.add(space, "milk"))
    yield* world.converged(home, { within: "30 seconds" })
    yield* world.partition([["ann"], ["bob", "cy"]])
    yield* home.in(ann, (space) => list.buy(space, milk.id, "ann"))
    yield* home.in(bob, (space) => list.buy(space, milk.id, "bob"))
    yield* world.heal
    yield* world.converged(home, { within: "30 seconds" })
    yield* world.check("both have bought", (peer) =>
      Effect.map(home.in(peer, list.lines), ([line]) => line?.boughtBy.join() === "ann,bob")
    )
  })
)
// #endregion test
