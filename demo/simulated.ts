/**
 * The demo's stage in a simulated world: the same two peers as lives in one process, under one seed and in virtual time.
 *
 * Journals stand outside the world, as they stand outside the data folders of processes. Whatever is audited is a copy of what the disk
 * of that peer would show after it had lost power.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FeedStoreLayer from "../src/layers/echo/FeedStore.ts"
import * as OperationStoreLayer from "../src/layers/halo/OperationStore.ts"
import * as CryptoNode from "../src/layers/platform/CryptoNode.ts"
import * as KeyringStorage from "../src/layers/platform/KeyringStorage.ts"
import * as World from "../src/layers/simulation/World.ts"
import { Storage } from "../src/services/platform/Storage.ts"
import type { World as Simulated, SimulatedPeer } from "../src/services/simulation/World.ts"
import { audit } from "./auditing.ts"
import type { Handlers, Held, PeerCalls } from "./calls.ts"
import { entriesOf, journalOf } from "./journal.ts"
import { modelled } from "./modelled.ts"
import { peerProgram } from "./program.ts"
import type { Name } from "./progress.ts"
import { type Options, scenario } from "./scenario.ts"
import type { Player, Stage, StageError } from "./stage.ts"

/** What crosses Bob's link, as the trace tells it. */
class Meter {
  carried = 0

  readonly hear = (line: string): void => {
    const [, kind, connection, , , bytes] = line.split(" ")
    if (kind === "packet" && connection!.includes("bob")) this.carried += Number(bytes)
  }
}

/** One life of a peer of the world, with its program running in it. */
const player = Effect.fnUntraced(function* (
  peer: SimulatedPeer,
  life: number,
  journal: Array<string>,
  onHeld: (held: Held) => void
) {
  yield* peer.restart
  const handlers = yield* Deferred.make<Handlers<PeerCalls, never>, StageError>()
  const stopped = yield* Deferred.make<void>()
  const who = `${peer.name}${life}`
  const living = Effect.gen(function* () {
    const program = yield* peerProgram({
      who,
      journal: journalOf((line) => journal.push(line), who),
      tell: (message) => {
        if ("held" in message) onHeld(message.held)
      },
      // what fails beside the calls is told to whoever asks next
      vital: (work) => Effect.tapCause(work, (cause) => Effect.logWarning(cause))
    })
    yield* Deferred.succeed(handlers, program)
    yield* Deferred.await(stopped)
  })
  yield* Effect.forkScoped(Effect.ignore(peer.run(Effect.scoped(living))))
  const one: Player<PeerCalls> = {
    name: peer.name,
    pid: life,
    ask: (call, ...input) =>
      Effect.flatMap(Deferred.await(handlers), (program) => {
        // the program answers each call with what the interface says of it
        const handler = program[call] as unknown as (...given: typeof input) => ReturnType<Player<PeerCalls>["ask"]>
        return peer.run(handler(...input)) as never
      }),
    kill: Effect.asVoid(peer.crash({ how: "process" })),
    close: Effect.andThen(Deferred.succeed(stopped, undefined), Effect.asVoid(peer.close))
  }
  return one
})

const opened = (storage: Storage["Service"]) =>
  Layer.merge(FeedStoreLayer.layer, OperationStoreLayer.layer).pipe(
    Layer.provideMerge(KeyringStorage.layer),
    Layer.provideMerge(Layer.merge(Layer.succeed(Storage, storage), CryptoNode.layer))
  )

const stageOf = (world: Simulated, meter: Meter): Stage => {
  const journals: Array<{ readonly file: string; readonly lines: Array<string> }> = []
  const entries = () => journals.flatMap(({ file, lines }) => entriesOf(lines.join(""), file))
  const audited = (storage: Storage["Service"], ticket: string, compared: ReturnType<typeof entries> | null) =>
    Effect.provide(audit(ticket, compared), Layer.fresh(opened(storage)))
  let [silentSince, carriedBefore] = [0, 0]
  return {
    begin: (name, life, onHeld) =>
      Effect.suspend(() => {
        const lines: Array<string> = []
        journals.push({ file: `${name}-${life}.journal`, lines })
        return player(world.peer(name), life, lines, onHeld)
      }),
    silence: Effect.gen(function* () {
      yield* world.partition([["bob"], ["alice", "kube"]])
      silentSince = yield* world.seconds
      carriedBefore = meter.carried
    }),
    reset: Effect.gen(function* () {
      const silence = { seconds: (yield* world.seconds) - silentSince, bytes: meter.carried - carriedBefore }
      yield* world.reset("bob")
      yield* world.heal
      return silence
    }),
    bytes: Effect.sync(() => meter.carried),
    keep: (name, ticket) => Effect.map(world.peer(name).durable, (copy) => audited(copy, ticket, null)),
    audit: (name, ticket) => Effect.flatMap(world.peer(name).durable, (copy) => audited(copy, ticket, entries())),
    model: (uncovered, limit) => Effect.sync(() => modelled(entries(), uncovered, limit)),
    seconds: world.seconds
  }
}

export interface WorldOptions extends Options {
  readonly seed: number
  readonly onEvent: (line: string) => void
}

const names: ReadonlyArray<Name> = ["alice", "bob"]

/** Plays the scenario in a world, and answers the evidence with the hash of the trace. */
export const simulated = ({ onEvent, seed, ...options }: WorldOptions) => {
  const meter = new Meter()
  const hear = (line: string): void => {
    meter.hear(line)
    onEvent(line)
  }
  return Effect.map(
    World.run({ peers: names, seed, limit: "30 minutes", onEvent: hear }, (world) => scenario(options, stageOf(world, meter))),
    ({ trace, value }) => ({ ...value, isSimulated: true, result: { ...value.result, trace } })
  )
}
