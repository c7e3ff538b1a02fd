/**
 * A Peer in a Node process: durable in a folder, sealed, and on the network only when it is given a KUBE.
 */
import * as NodeWS from "@effect/platform-node/NodeWS"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { checkedKubeUrl, type KubeInvalid } from "../../schema/kube/KubeUrl.ts"
import { demandObject } from "../../schema/platform/ArgumentInvalid.ts"
import { Peer, type PeerServices } from "../../services/peer/Peer.ts"
import * as Connection from "../mesh/Connection.ts"
import * as SignalingWebSocket from "../mesh/SignalingWebSocket.ts"
import * as Swarm from "../mesh/Swarm.ts"
import * as SwarmOffline from "../mesh/SwarmOffline.ts"
import * as TransportRelay from "../mesh/TransportRelay.ts"
import * as PeerCalling from "./PeerCalling.ts"
import * as PeerCore from "./PeerCore.ts"
import * as PeerFolder from "./PeerFolder.ts"

export interface Options extends PeerFolder.Options {
  /** The url of a KUBE, such as `http://127.0.0.1:7700`. Without it nothing touches the network. */
  readonly kube?: string
}

/** What opening such a Peer may answer. */
export type OpenError = PeerFolder.OpenError | KubeInvalid

/** A Peer over LevelDB or a storage of one's own, node:crypto and, with a KUBE, WebSockets; and actors over the same storage. */
export const layer = (options: Options): Layer.Layer<PeerServices, OpenError> =>
  Layer.unwrap(Effect.map(checked(options), assembled))

const checked = (options: Options): Effect.Effect<Options, KubeInvalid> =>
  Effect.suspend(() => {
    demandObject("PeerNode", "{ folder, kube }", options)
    const { folder, kube, passphrase } = options
    PeerFolder.demand("PeerNode", { folder, passphrase })
    return kube === undefined ? Effect.succeed(options) : Effect.as(Effect.fromResult(checkedKubeUrl(kube)), options)
  })

const assembled = ({ kube, ...folder }: Options): Layer.Layer<PeerServices, PeerFolder.OpenError> => {
  const swarm =
    kube === undefined
      ? SwarmOffline.layer
      : Swarm.layer.pipe(
          Layer.provide(Layer.mergeAll(SignalingWebSocket.layer(kube), TransportRelay.layer(kube), Connection.layer)),
          Layer.provide(NodeWS.layerWebSocketConstructor)
        )
  const urls = kube === undefined ? [] : [kube]
  return PeerCore.layer({ urls, calling: PeerCalling.load }).pipe(Layer.provide(swarm), Layer.provide(PeerFolder.layer(folder)))
}

/** Such a Peer as a scoped value, without actors, for a program that holds several peers. */
export const open = (options: Options): Effect.Effect<Peer["Service"], OpenError, Scope.Scope> =>
  Effect.map(Layer.build(Layer.fresh(layer(options))), (services) => Context.get(services, Peer))

/** Changes the passphrase of a folder, sets the first one, or gives it up. */
export const changePassphrase = PeerFolder.changePassphrase

/** What a folder that is there is sealed by: whether it takes a passphrase to be opened. */
export const sealedBy = PeerFolder.sealedBy
