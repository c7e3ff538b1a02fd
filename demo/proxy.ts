/**
 * The bad network between Bob and the KUBE: a TCP proxy that can fall silent without closing anything, then reset everything.
 *
 * Silent means what a pulled cable means: nothing is read and nothing written in either direction, what was connected stays so, and
 * who dials anew is accepted and hears nothing. It counts what it carries, in both directions: all that crosses Bob's link. It goes on
 * counting while it is silent, so that a silence that is none is found out.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { performance } from "node:perf_hooks"
import * as Effect from "effect/Effect"
import type { ProxyCalls } from "./calls.ts"
import { run, serve } from "./parent.ts"

const sockets = new Set<Socket>()
let isSilent = false
let silentSince = 0
let carried = 0
let carriedBefore = 0

const carry = (from: Socket, to: Socket): void => {
  from.on("data", (bytes) => {
    carried += bytes.length
    if (!to.write(bytes)) from.pause()
  })
  to.on("drain", () => {
    if (!isSilent) from.resume()
  })
  from.on("end", () => to.end())
  from.on("error", () => to.resetAndDestroy())
  from.on("close", () => {
    sockets.delete(from)
    to.destroy()
  })
}

const accept = (socket: Socket, target: URL): void => {
  socket.setNoDelay(true)
  sockets.add(socket)
  if (isSilent) {
    socket.pause()
    socket.on("error", () => undefined)
    socket.on("close", () => sockets.delete(socket))
    return
  }
  const beyond = connect({ host: target.hostname, port: Number(target.port), noDelay: true })
  sockets.add(beyond)
  carry(socket, beyond)
  carry(beyond, socket)
}

/** Answers the target's own address with this proxy's port in it. */
const listen = (target: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const url = new URL(target)
    const server = createServer((socket) => accept(socket, url))
    server.listen(0, "127.0.0.1", () => {
      const through = new URL(target)
      through.hostname = "127.0.0.1"
      through.port = String((server.address() as AddressInfo).port)
      resume(Effect.succeed(through.href.replace(/\/$/, "")))
    })
  })

const silence = Effect.sync(() => {
  isSilent = true
  silentSince = performance.now()
  carriedBefore = carried
  for (const socket of sockets) socket.pause()
})

const reset = Effect.sync(() => {
  const silent = { seconds: (performance.now() - silentSince) / 1000, bytes: carried - carriedBefore }
  for (const socket of sockets) socket.resetAndDestroy()
  sockets.clear()
  isSilent = false
  return silent
})

run(serve<ProxyCalls, never>({ listen, silence: () => silence, reset: () => reset, bytes: () => Effect.sync(() => carried) }))
