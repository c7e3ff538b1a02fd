/**
 * The main job from beginning to end: two peers, one space, a real data set, a kill in the middle, a cut, and the proof.
 *
 * Alice imports while both edit. Bob is killed and started again; then his link falls silent while both write the same properties, and
 * is reset. When all has healed, both close, and what they leave is compared with what their journals tell. The stage says where.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { PeerCalls } from "./calls.ts"
import { cutRows } from "./cities.ts"
import { type Evidence, partitionSecondsMin } from "./claims.ts"
import { gateRows } from "./importing.ts"
import type { Name } from "./progress.ts"
import type { Player, Stage } from "./stage.ts"

/** Is told how far it has come. */
export interface Watcher {
  readonly enter: (phase: string) => void
  readonly hold: (name: Name, objects: number) => void
}

export interface Options {
  readonly limit: number
  readonly progress: Watcher
}

/** The peers did not come to the same state in time. */
class NotConverged extends Data.TaggedError("NotConverged")<{ readonly alice: string; readonly bob: string }> {
  override get message() {
    return `the peers did not converge within ${convergeSeconds} s: frontiers ${this.alice} (alice) and ${this.bob} (bob)`
  }
}

const convergeSeconds = 120
/** A little more than is claimed, so that a coarse clock cannot spoil it. */
const silentSeconds = partitionSecondsMin + 0.5

class Scene {
  readonly options: Options
  readonly stage: Stage
  private readonly held: { [name in Name]: number } = { alice: 0, bob: 0 }
  private readonly moved = Latch.makeUnsafe(false)

  constructor(options: Options, stage: Stage) {
    this.options = options
    this.stage = stage
  }

  begin(name: Name, life: number) {
    return this.stage.begin(name, life, ({ cities }) => {
      this.held[name] = cities
      this.options.progress.hold(name, cities)
      this.moved.openUnsafe()
    })
  }

  /** Waits until a peer holds so many cities. */
  holds(name: Name, cities: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.moved.closeUnsafe()
      return this.held[name] >= cities ? Effect.void : Effect.andThen(this.moved.await, this.holds(name, cities))
    })
  }
}

type Peers = { readonly alice: Player<PeerCalls>; readonly bob: Player<PeerCalls> }

const both = <A, E, B>({ alice, bob }: { readonly alice: B; readonly bob: B }, f: (one: B) => Effect.Effect<A, E>) =>
  Effect.all({ alice: f(alice), bob: f(bob) }, { concurrency: 2 })

/** Kills Bob, and starts him again on what is left; what that was is counted from a copy, so that it is what the kill left. */
const kill = Effect.fnUntraced(function* (scene: Scene, bob: Player<PeerCalls>, ticket: string) {
  const { limit, progress } = scene.options
  yield* scene.holds("bob", Math.floor(gateRows(limit).kill / 2))
  progress.enter("bob is killed")
  yield* bob.kill
  const counting = yield* scene.stage.keep("bob", ticket)
  const again = yield* scene.begin("bob", 2)
  const reopened = yield* again.ask("open", ticket)
  yield* again.ask("edit")
  progress.enter("bob is back")
  return { again, reopenedWith: reopened.cities + reopened.visits, counting }
})

/** Silences Bob's link while both write the same properties, looks at what came through nevertheless, then resets it. */
const cut = Effect.fnUntraced(function* (scene: Scene, peers: Peers) {
  const { stage } = scene
  const { limit, progress } = scene.options
  yield* scene.holds("bob", Math.max(gateRows(limit).kill, Math.min(limit, cutRows)))
  yield* stage.silence
  progress.enter(`bob's link is silent for ${silentSeconds} s`)
  const silent = yield* Effect.forkChild(Effect.sleep(`${silentSeconds} seconds`))
  yield* peers.alice.ask("pass", "cut")
  const cutEdits = yield* both(peers, (peer) => peer.ask("cutEdit", cutRows))
  yield* Fiber.join(silent)
  const foreignRemarks = yield* both(peers, (peer) => peer.ask("foreignRemarks", cutRows))
  const silence = yield* stage.reset
  progress.enter("bob's link was reset")
  return { cutEdits, foreignRemarks, silence }
})

/** Waits until both have all of each other's, and have applied it. */
const converge = Effect.fnUntraced(function* (peers: Peers) {
  const devices = yield* both(peers, (peer) => peer.ask("device"))
  yield* Effect.all([peers.alice.ask("synced", devices.bob), peers.bob.ask("synced", devices.alice)], { concurrency: 2 })
  for (;;) {
    const frontiers = yield* both(peers, (peer) => peer.ask("frontier"))
    if (frontiers.alice === frontiers.bob) break
    yield* Effect.sleep("100 millis")
  }
  return yield* both(peers, (peer) => peer.ask("state"))
})

const converged = (peers: Peers) =>
  Effect.timeoutOrElse(converge(peers), {
    duration: `${convergeSeconds} seconds`,
    orElse: () =>
      Effect.flatMap(
        both(peers, (peer) => peer.ask("frontier")),
        (frontiers) => new NotConverged(frontiers)
      )
  })

const play = Effect.fnUntraced(function* (scene: Scene) {
  const { stage } = scene
  const { limit, progress } = scene.options
  progress.enter("alice makes an identity and a space, and lets bob in")
  const alice = yield* scene.begin("alice", 1)
  const first = yield* scene.begin("bob", 1)
  const ticket = yield* alice.ask("create")
  const acceptance = yield* first.ask("accept", yield* alice.ask("offer"))
  const his = yield* first.ask("enter", yield* alice.ask("admit", acceptance))
  progress.enter("alice imports, both edit")
  yield* both({ alice, bob: first }, (peer) => peer.ask("edit"))
  const importing = yield* Effect.forkChild(alice.ask("import", limit))

  const { again: bob, counting, reopenedWith } = yield* kill(scene, first, his)
  const peers: Peers = { alice, bob }
  yield* alice.ask("pass", "kill")
  const { cutEdits, foreignRemarks, silence } = yield* cut(scene, peers)

  yield* Fiber.join(importing)
  yield* both(peers, (peer) => peer.ask("rest"))
  progress.enter("both catch up")
  const states = yield* converged(peers)
  progress.hold("alice", states.alice.cities)
  progress.hold("bob", states.bob.cities)
  const bytesOnWire = yield* stage.bytes
  yield* both(peers, (peer) => peer.close)
  const atKill = yield* counting
  progress.enter("what is left is audited")
  const names: { readonly [name in Name]: Name } = { alice: "alice", bob: "bob" }
  const audits = yield* both(names, (name) => stage.audit(name, ticket))
  progress.enter("the journals are folded naively")
  const model = yield* stage.model(audits.alice.uncovered, limit)

  const objects = states.alice.cities + states.alice.visits
  const told = (name: Name) => {
    const { cities, frontier, stateHash, visits } = states[name]
    return { name, objects: cities + visits, frontier, stateHash }
  }
  const isSame = states.alice.frontier === states.bob.frontier && states.alice.stateHash === states.bob.stateHash
  const hashes = new Set([audits.alice.stateHash, audits.bob.stateHash])
  const evidence: Evidence = {
    limit,
    states,
    audits,
    model,
    reopenedWith,
    foreignRemarks,
    silence,
    result: {
      converged: isSame,
      peers: [told("alice"), told("bob")],
      objects,
      changes: audits.alice.changes,
      conflicts: states.alice.conflicts,
      killedAt: atKill.cities + atKill.visits,
      pids: { alice: [alice.pid], bob: [first.pid, bob.pid] },
      cutEdits,
      inFlight: model.inFlight,
      partitionSeconds: Math.round(silence.seconds * 100) / 100,
      bytesOnWire,
      seconds: Math.round((yield* stage.seconds) * 10) / 10,
      model: model.stateHash,
      audit: [...hashes].join(" and ")
    }
  }
  return evidence
})

/** Plays it all on a stage. */
export const scenario = (options: Options, stage: Stage) => Effect.scoped(play(new Scene(options, stage)))
