/**
 * The main job from beginning to end: two peers, one space, a real data set, a kill in the middle, a cut, and the proof.
 *
 * Alice imports while both edit. Bob, whose link to the KUBE goes through a proxy, is killed with SIGKILL and started again; then the
 * proxy falls silent while both write the same properties, and resets. When all has healed, both close, and what is left in their
 * folders is compared with what their journals tell. Each process, each file and each wait below belongs to one scope.
 */
import { cpSync } from "node:fs"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { AuditCalls, KubeCalls, ModelCalls, PeerCalls, ProxyCalls } from "./calls.ts"
import { type Child, type ChildDied, start } from "./child.ts"
import { cutRows } from "./cities.ts"
import { type Evidence, partitionSecondsMin } from "./claims.ts"
import { gateRows } from "./importing.ts"
import type { Name, Progress } from "./progress.ts"

export interface Options {
  readonly limit: number
  /** Where the folders and journals go. */
  readonly folder: string
  readonly progress: Progress
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
  readonly deaths: Deferred.Deferred<never, ChildDied>
  readonly journals: Array<string> = []
  private readonly held: { [name in Name]: number } = { alice: 0, bob: 0 }
  private readonly moved = Latch.makeUnsafe(false)

  constructor(options: Options, deaths: Deferred.Deferred<never, ChildDied>) {
    this.options = options
    this.deaths = deaths
  }

  folderOf(name: Name): string {
    return join(this.options.folder, name)
  }

  peer(name: Name, life: number, kube: string) {
    const journal = join(this.options.folder, `${name}-${life}.journal`)
    this.journals.push(journal)
    return start<PeerCalls>({
      name,
      script: "./peer.ts",
      args: [name, String(life), this.folderOf(name), journal, kube],
      deaths: this.deaths,
      onHeld: ({ cities }) => {
        this.held[name] = cities
        this.options.progress.hold(name, cities)
        this.moved.openUnsafe()
      }
    })
  }

  /** Waits until a peer holds so many cities. */
  holds(name: Name, cities: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.moved.closeUnsafe()
      return this.held[name] >= cities ? Effect.void : Effect.andThen(this.moved.await, this.holds(name, cities))
    })
  }

  audit(folder: string, ticket: string, journals: ReadonlyArray<string> | null) {
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const auditor = yield* start<AuditCalls>({ name: "the audit", script: "./audit.ts", deaths: this.deaths })
        const audited = yield* auditor.ask("audit", folder, ticket, journals)
        yield* auditor.close
        return audited
      })
    )
  }
}

type Peers = { readonly alice: Child<PeerCalls>; readonly bob: Child<PeerCalls> }

const both = <A, E, B>({ alice, bob }: { readonly alice: B; readonly bob: B }, f: (one: B) => Effect.Effect<A, E>) =>
  Effect.all({ alice: f(alice), bob: f(bob) }, { concurrency: 2 })

/** Kills Bob, and starts him again on what is left; what that was is counted from a copy, so that it is what the kill left. */
const kill = Effect.fnUntraced(function* (scene: Scene, bob: Child<PeerCalls>, kube: string, ticket: string) {
  const { folder, progress } = scene.options
  yield* scene.holds("bob", Math.floor(gateRows(scene.options.limit).kill / 2))
  progress.enter("bob is killed")
  yield* bob.kill
  const copy = join(folder, "bob-at-kill")
  cpSync(scene.folderOf("bob"), copy, { recursive: true })
  const counting = yield* Effect.forkChild(scene.audit(copy, ticket, null))
  const again = yield* scene.peer("bob", 2, kube)
  const reopened = yield* again.ask("open", ticket)
  yield* again.ask("edit")
  progress.enter("bob is back")
  return { again, reopenedWith: reopened.cities + reopened.visits, counting }
})

/** Silences the proxy while both write the same properties, looks at what came through nevertheless, then resets it. */
const cut = Effect.fnUntraced(function* (scene: Scene, peers: Peers, proxy: Child<ProxyCalls>) {
  const { progress } = scene.options
  const { limit } = scene.options
  yield* scene.holds("bob", Math.max(gateRows(limit).kill, Math.min(limit, cutRows)))
  yield* proxy.ask("silence")
  progress.enter(`bob's link is silent for ${silentSeconds} s`)
  const silent = yield* Effect.forkChild(Effect.sleep(`${silentSeconds} seconds`))
  yield* peers.alice.ask("pass", "cut")
  const cutEdits = yield* both(peers, (peer) => peer.ask("cutEdit", cutRows))
  yield* Fiber.join(silent)
  const foreignRemarks = yield* both(peers, (peer) => peer.ask("foreignRemarks", cutRows))
  const silence = yield* proxy.ask("reset")
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

/** The journals against the folders: an audit of each, and the naive model. */
const prove = Effect.fnUntraced(function* (scene: Scene, ticket: string) {
  const { limit, progress } = scene.options
  progress.enter("the folders are audited")
  const audits = yield* both({ alice: "alice", bob: "bob" } as { alice: Name; bob: Name }, (name) =>
    scene.audit(scene.folderOf(name), ticket, scene.journals)
  )
  progress.enter("the journals are folded naively")
  const model = yield* Effect.scoped(
    Effect.gen(function* () {
      const child = yield* start<ModelCalls>({ name: "the model", script: "./model.ts", deaths: scene.deaths })
      const folded = yield* child.ask("fold", scene.journals, audits.alice.uncovered, limit)
      yield* child.close
      return folded
    })
  )
  return { audits, model }
})

const play = Effect.fnUntraced(function* (scene: Scene) {
  const { limit, progress } = scene.options
  const began = performance.now()
  progress.enter("alice imports, both edit")
  const { deaths } = scene
  const kube = yield* start<KubeCalls>({ name: "the KUBE", script: "./kube.ts", deaths })
  const proxy = yield* start<ProxyCalls>({ name: "the proxy", script: "./proxy.ts", deaths })
  const url = yield* kube.ask("url")
  const through = yield* proxy.ask("listen", url)
  const alice = yield* scene.peer("alice", 1, url)
  const first = yield* scene.peer("bob", 1, through)
  const ticket = yield* alice.ask("create", [yield* first.ask("device")])
  yield* first.ask("open", ticket)
  yield* both({ alice, bob: first }, (peer) => peer.ask("edit"))
  const importing = yield* Effect.forkChild(alice.ask("import", limit))

  const { again: bob, counting, reopenedWith } = yield* kill(scene, first, through, ticket)
  const peers: Peers = { alice, bob }
  yield* alice.ask("pass", "kill")
  const { cutEdits, foreignRemarks, silence } = yield* cut(scene, peers, proxy)

  yield* Fiber.join(importing)
  yield* both(peers, (peer) => peer.ask("rest"))
  progress.enter("both catch up")
  const states = yield* converged(peers)
  progress.hold("alice", states.alice.cities)
  progress.hold("bob", states.bob.cities)
  const bytesOnWire = yield* proxy.ask("bytes")
  yield* both(peers, (peer) => peer.close)
  const atKill = yield* Fiber.join(counting)
  const { audits, model } = yield* prove(scene, ticket)
  progress.clear()

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
      seconds: Math.round((performance.now() - began) / 100) / 10,
      model: model.stateHash,
      audit: [...hashes].join(" and ")
    }
  }
  return evidence
})

/** Runs it all. A process that ends unasked ends the run. */
export const scenario = (options: Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const deaths = yield* Deferred.make<never, ChildDied>()
      return yield* Effect.raceFirst(play(new Scene(options, deaths)), Deferred.await(deaths))
    })
  )
