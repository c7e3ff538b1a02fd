/**
 * Actors of this process and of other devices: which it is, `Actor.placed` says, and the same client reaches both.
 *
 * It stands above the actors of this process, and adds to them: references to actors elsewhere, and channels on which other devices call
 * those that are here.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import type * as Scope from "effect/Scope"
import type { Message } from "../../schema/actor/Message.ts"
import { ArgumentInvalid } from "../../schema/platform/ArgumentInvalid.ts"
import { ActorSystem, type Definition, type Placement } from "../../services/actor/ActorSystem.ts"
import { Callers, nobody } from "../../services/actor/Callers.ts"
import { type Served, Swarm } from "../../services/mesh/Swarm.ts"
import { Device } from "../../services/peer/Device.ts"
import { channelOf, isStreaming, wireVersion } from "./ActorChannel.ts"
import { type Remote, RemoteRef } from "./ActorRefRemote.ts"
import type { Group } from "./ActorWire.ts"

/** What calls are made and answered with (`ActorCalling`). */
type Calling = typeof import("./ActorCalling.ts")

/** A placement with what it takes to call. */
interface Placed extends Placement {
  readonly calling: Calling
  /** Its lines end with it. */
  readonly scope: Scope.Scope
  readonly fork: Remote["fork"]
  readonly group: Group
  readonly channel: string
  /** By the device. */
  readonly remotes: Map<string, Remote>
}

const make = Effect.fnUntraced(function* (load: Effect.Effect<Calling>) {
  const local = yield* ActorSystem
  const swarm = yield* Swarm
  const device = yield* Device
  const placements = new Map<string, Placed>()

  const isHere = (actor: string, address: string): boolean => {
    const placed = placements.get(actor)
    return placed === undefined || deviceOf(placed, address) === device.text
  }

  const remoteOf = (placed: Placed, at: string): Remote => {
    const known = placed.remotes.get(at)
    if (known !== undefined) return known
    const { calling, channel, fork, group, name: actor, rpcs, scope } = placed
    const line = calling.lineOf({ actor, device: at, group, scope, open: swarm.open(at, channel, wireVersion) })
    const streams = new Set(rpcs.filter(isStreaming).map(({ _tag }) => _tag))
    const isOver = () => placements.get(actor) !== placed
    const remote = { actor, line, isStream: (tag: string) => streams.has(tag), fork, scope, isOver, told: new Set<Message>() }
    placed.remotes.set(at, remote)
    return remote
  }

  const ref: ActorSystem["Service"]["ref"] = (actor, address) => {
    const placed = placements.get(actor)
    if (placed === undefined || isHere(actor, address)) return local.ref(actor, address)
    return new RemoteRef(remoteOf(placed, deviceOf(placed, address)), address)
  }

  const place = Effect.fnUntraced(function* (placement: Placement) {
    const { name, rpcs } = placement
    const calling = yield* load
    const scope = yield* Effect.scope
    const fork = yield* FiberSet.makeRuntime<never>()
    if (placements.has(name)) return yield* Effect.die(new Error(`${name} is placed already: provide its placement once`))
    const group = calling.groupOf(rpcs)
    const placed: Placed = { ...placement, calling, scope, fork, group, channel: nameable(name), remotes: new Map() }
    // before its lines end, so that nobody begins another call
    yield* Effect.addFinalizer(() => Effect.sync(() => placements.delete(name)))
    placements.set(name, placed)
  })

  /** Lets other devices call, of an actor of which any Rpc says that some may. */
  const serve = ({ name, rpcs }: { readonly name: string; readonly rpcs: ReadonlyArray<Rpc.Any> }) => {
    if (!rpcs.some(isCallable)) return Effect.void
    const channel = nameable(name)
    const find = (address: string) => (isHere(name, address) ? local.ref(name, address) : null)
    return Effect.flatMap(load, ({ groupOf, serving }) => {
      const options = { actor: name, group: groupOf(rpcs), find }
      const onChannel: Served["onChannel"] = (opened, peer) => serving(options, opened, peer.deviceText)
      return swarm.serve({ name: channel, version: wireVersion, onChannel })
    })
  }

  return ActorSystem.of({
    register: <R>(definition: Definition<R>) => Effect.tap(local.register(definition), () => serve(definition)),
    place,
    ref,
    deadLetters: local.deadLetters
  })
})

/** `load` answers the module `ActorCalling`, at once or when it has come. */
export const layer = (load: Effect.Effect<Calling>): Layer.Layer<ActorSystem, never, ActorSystem | Swarm | Device> =>
  Layer.effect(ActorSystem, make(load))

const isCallable = (rpc: Rpc.Any): boolean => Context.get((rpc as Rpc.AnyWithProps).annotations, Callers) !== nobody

/** What a program gives is not always what its types say. */
const deviceOf = ({ name, where }: Placement, address: string): string => {
  const at: unknown = where(address)
  if (typeof at === "string") return at
  throw new ArgumentInvalid({ call: `${name}.placed`, takes: "a function that answers a device for every address", given: at })
}

const nameable = (actor: string): string => {
  const channel = channelOf(actor)
  if (channel !== null) return channel
  throw new ArgumentInvalid({ call: "placed", takes: "an actor whose name has at most 58 bytes", given: actor })
}
