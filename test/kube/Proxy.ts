/**
 * A TCP proxy between peers and a KUBE, which a test can cut, silence and heal.
 */
import * as net from "node:net"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Kube from "../../src/layers/kube/Kube.ts"

export class Proxy extends Context.Service<
  Proxy,
  {
    /** The KUBE, by way of the proxy. */
    readonly url: string
    readonly kube: Kube.Kube["Service"]
    /** Resets all connections, and new ones until it heals. */
    readonly cut: Effect.Effect<void>
    /** Holds back all bytes until it heals. */
    readonly silence: Effect.Effect<void>
    readonly heal: Effect.Effect<void>
  }
>()("test/kube/Proxy") {}

const make = Effect.gen(function* () {
  const kube = yield* Kube.Kube
  const sockets = new Set<net.Socket>()
  let mode: "up" | "cut" | "silent" = "up"
  const keep = (socket: net.Socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket)).on("error", () => undefined)
    return socket
  }
  const pass = (from: net.Socket, to: net.Socket) => {
    from.on("data", (bytes) => {
      if (!to.write(bytes)) from.pause()
    })
    to.on("drain", () => mode !== "silent" && from.resume())
    from.on("end", () => to.end()).on("close", () => to.destroySoon())
    if (mode === "silent") from.pause()
  }
  const server = net.createServer((client) => {
    keep(client)
    if (mode === "cut") return client.resetAndDestroy()
    const there = keep(net.connect(kube.port, kube.host))
    pass(client, there)
    pass(there, client)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )
  const { port } = server.address() as net.AddressInfo
  return Proxy.of({
    url: `http://127.0.0.1:${port}`,
    kube,
    cut: Effect.sync(() => {
      mode = "cut"
      for (const socket of sockets) socket.resetAndDestroy()
    }),
    silence: Effect.sync(() => {
      mode = "silent"
      for (const socket of sockets) socket.pause()
    }),
    heal: Effect.sync(() => {
      mode = "up"
      for (const socket of sockets) socket.resume()
    })
  })
})

/** A KUBE of its own on any free port, and a proxy before it. */
export const layer = Layer.effect(Proxy, make).pipe(Layer.provide(Kube.layer({ host: "127.0.0.1", port: 0 })))
