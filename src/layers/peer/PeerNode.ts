/**
 * A Peer in a Node process: durable in a folder, and on the network only when it is given a KUBE.
 */
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { checkedKubeUrl, type KubeInvalid } from "../../schema/kube/KubeUrl.ts"
import { ArgumentInvalid, demandObject } from "../../schema/platform/ArgumentInvalid.ts"
import { Peer, type PeerServices } from "../../services/peer/Peer.ts"
import type { Storage, StorageOpenError } from "../../services/platform/Storage.ts"
import * as Connection from "../mesh/Connection.ts"
import * as SignalingWebSocket from "../mesh/SignalingWebSocket.ts"
import * as Swarm from "../mesh/Swarm.ts"
import * as SwarmOffline from "../mesh/SwarmOffline.ts"
import * as TransportRelay from "../mesh/TransportRelay.ts"
import * as BootCounterNode from "../platform/BootCounterNode.ts"
import * as CryptoNode from "../platform/CryptoNode.ts"
import * as KeyringStorage from "../platform/KeyringStorage.ts"
import * as StorageLevel from "../platform/StorageLevel.ts"
import * as PeerCalling from "./PeerCalling.ts"
import * as PeerCore from "./PeerCore.ts"

export interface Options {
  /** Where everything durable is kept; made when it is not there, for this user alone. */
  readonly folder: string
  /** The url of a KUBE, such as `http://127.0.0.1:7700`. Without it nothing touches the network. */
  readonly kube?: string
  /** A storage of one's own in place of LevelDB (docs/layers.md). The folder then only has the count of starts beside it. */
  readonly storage?: Layer.Layer<Storage, StorageOpenError>
}

/** What opening such a Peer may answer. */
export type OpenError = StorageOpenError | KubeInvalid

/** A Peer over LevelDB or a storage of one's own, node:crypto and, with a KUBE, WebSockets; and actors over the same storage. */
export const layer = (options: Options): Layer.Layer<PeerServices, OpenError> =>
  Layer.unwrap(Effect.map(checked(options), assembled))

const checked = (options: Options): Effect.Effect<Options, KubeInvalid> =>
  Effect.suspend(() => {
    demandObject("PeerNode", "{ folder, kube }", options)
    const { folder, kube } = options
    if (typeof folder === "string" && folder !== "")
      return kube === undefined ? Effect.succeed(options) : Effect.as(Effect.fromResult(checkedKubeUrl(kube)), options)
    throw new ArgumentInvalid({ call: "PeerNode", takes: "a folder (such as ./data)", given: folder })
  })

const assembled = ({
  folder,
  kube,
  storage = StorageLevel.layer({ folder })
}: Options): Layer.Layer<PeerServices, StorageOpenError> => {
  const platform = KeyringStorage.layer.pipe(
    Layer.provideMerge(Layer.merge(storage, CryptoNode.layer)),
    Layer.provideMerge(BootCounterNode.layer({ folder }))
  )
  const swarm =
    kube === undefined
      ? SwarmOffline.layer
      : Swarm.layer.pipe(
          Layer.provide(Layer.mergeAll(SignalingWebSocket.layer(kube), TransportRelay.layer(kube), Connection.layer)),
          Layer.provide(NodeWS.layerWebSocketConstructor)
        )
  const urls = kube === undefined ? [] : [kube]
  return PeerCore.layer({ urls, calling: PeerCalling.load }).pipe(Layer.provide(swarm), Layer.provide(platform))
}

/** Such a Peer as a scoped value, without actors, for a program that holds several peers. */
export const open = (options: Options): Effect.Effect<Peer["Service"], OpenError, Scope.Scope> =>
  Effect.map(Layer.build(Layer.fresh(layer(options))), (services) => Context.get(services, Peer))
