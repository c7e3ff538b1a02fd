/**
 * A KUBE on Node: signaling and relay on one HTTP port, and a page of figures.
 *
 * It holds no authority and no storage: whoever runs one learns addresses, sizes and times, and can refuse or cut, nothing else.
 * Put TLS before it where it is reached from afar.
 */
import { createServer, type Server } from "node:http"
import type { AddressInfo, Socket as TcpSocket } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { signalingBytesMax } from "../../schema/mesh/SignalingFrame.ts"
import { Kube, KubeUnavailable } from "../../services/kube/Kube.ts"
import { Wires } from "../../services/kube/Wire.ts"
import * as KubeRelay from "./KubeRelay.ts"
import * as KubeSignaling from "./KubeSignaling.ts"
import * as WireNode from "./WireNode.ts"

export { Kube, KubeUnavailable }

export interface Options {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
  /** Clients come by way of a proxy that sets X-Forwarded-For, as one for TLS does: they are told apart by what it adds. */
  readonly isProxied?: boolean
  /** What may come from one address: lines of signaling, and seats of one topic. As many as docs/format.md#limits says. */
  readonly addressLinesMax?: number
  readonly addressSeatsMax?: number
}

const connectionsMax = 10_000

/** Serves until its scope closes. */
export const layer = ({ host, isProxied = false, port, ...bounds }: Options): Layer.Layer<Kube, KubeUnavailable> =>
  Layer.unwrap(
    Effect.sync(() => {
      const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 })
      server.maxConnections = connectionsMax
      const http = NodeHttpServer.layer(() => server, {
        host,
        port,
        disablePreemptiveShutdown: true,
        websocket: { maxPayload: signalingBytesMax, perMessageDeflate: false }
      })
      return Layer.effect(
        Kube,
        Effect.sync(() => addressOf(server))
      ).pipe(
        Layer.provideMerge(HttpRouter.serve(routes(bounds), { disableLogger: true, disableListenLog: true })),
        Layer.provide(hangUp(server)),
        Layer.provide(Layer.merge(http, WireNode.layer(isProxied))),
        Layer.catch(({ cause }) => Layer.effect(Kube, Effect.fail(new KubeUnavailable({ host, port, cause }))))
      )
    })
  )

/** The same as a scoped value, for a program that runs one beside its peers. */
export const open = (options: Options): Effect.Effect<Kube["Service"], KubeUnavailable, Scope.Scope> =>
  Effect.map(Layer.build(Layer.fresh(layer(options))), (services) => Context.get(services, Kube))

const addressOf = (server: Server): Kube["Service"] => {
  // a server that listens on a host has an address of this shape (node:net, server.address)
  const { address, family, port } = server.address() as AddressInfo
  return { host: address, port, url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}` }
}

/** When the routes have closed, whoever has not hung up is cut off: a server that closes would wait for it. */
const hangUp = (server: Server) =>
  Layer.effectDiscard(
    Effect.suspend(() => {
      const clients = new Set<TcpSocket>()
      server.on("connection", (client: TcpSocket) => {
        clients.add(client)
        client.once("close", () => clients.delete(client))
      })
      const gone = Effect.callback<void>((resume) => {
        const check = () => (clients.size === 0 ? resume(Effect.void) : undefined)
        for (const client of clients) client.once("close", check).destroySoon()
        check()
      })
      const cutOff = Effect.sync(() => {
        for (const client of clients) client.destroy()
      })
      return Effect.addFinalizer(() => Effect.timeoutOrElse(gone, { duration: "1 second", orElse: () => cutOff }))
    })
  )

const routes = Effect.fnUntraced(
  function* (bounds: KubeSignaling.Bounds) {
    const { upgrade } = yield* Wires
    const signaling = KubeSignaling.make(bounds)
    const relay = KubeRelay.make()
    const figures = Effect.sync(() =>
      HttpServerResponse.jsonUnsafe({ kube: 0, signaling: signaling.counts(), relay: relay.counts() })
    )
    const meeting = Effect.gen(function* () {
      const { id = "" } = yield* HttpRouter.params
      if (!/^[0-9a-f]{32}$/.test(id)) return HttpServerResponse.text("a meeting is 32 hexadecimal digits", { status: 404 })
      yield* relay.serve(yield* upgrade, id)
      return HttpServerResponse.empty()
    })
    return Layer.mergeAll(
      HttpRouter.add("GET", "/", figures),
      HttpRouter.add("GET", "/health", figures),
      HttpRouter.add("GET", "/signal", Effect.as(Effect.flatMap(upgrade, signaling.serve), HttpServerResponse.empty())),
      HttpRouter.add("GET", "/relay/:id", meeting)
    )
  },
  (building) => Layer.unwrap(building)
)
