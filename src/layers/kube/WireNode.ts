/**
 * Wires by `ws` on Node: the TCP socket beneath says when it is full, which the WebSocket itself does not tell.
 *
 * Frames are neither compressed nor kept, so what `ws` is given goes to that socket at once, and its `drain` is ours.
 */
import type { IncomingMessage } from "node:http"
import type { Socket as TcpSocket } from "node:net"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import { HttpServerError, RequestParseError } from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as Socket from "effect/socket/Socket"
import { Wires } from "../../services/kube/Wire.ts"

const isGone = new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1006 }) })

const notWebSocket = (request: HttpServerRequest.HttpServerRequest) =>
  new RequestParseError({ request, description: "this route speaks WebSocket alone" })

/** Where a proxy stands before the KUBE, the address that it speaks for is the one that it added last itself. */
const addressOf = ({ headers, socket }: Pick<IncomingMessage, "headers" | "socket">, isProxied: boolean): string => {
  const { [forwardedFor]: forwarded } = headers
  const last = isProxied
    ? String(forwarded ?? "")
        .split(",")
        .at(-1)!
        .trim()
    : ""
  return last === "" ? (socket.remoteAddress ?? "") : last
}
const forwardedFor = "x-forwarded-for"

const upgrade = Effect.fnUntraced(function* (isProxied: boolean) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const incoming = NodeHttpServerRequest.toIncomingMessage(request)
  const { headers, socket: tcp } = incoming
  const address = addressOf(incoming, isProxied)
  // the server would give the bare connection to whoever asks for another protocol
  if (headers.upgrade?.toLowerCase() !== "websocket") {
    // once it has been told so: it may go on sending, and never close
    tcp.once("finish", () => tcp.destroy())
    return yield* new HttpServerError({ reason: notWebSocket(request) })
  }
  tcp.setNoDelay(true)
  // `ws` waits half a minute for the answer to its closing, which never comes from an end that is not read any more
  yield* Effect.addFinalizer(() => Effect.sync(() => tcp.destroySoon()))
  const socket = yield* request.upgrade
  const { pull } = yield* socket.reader
  const writer = yield* socket.writer
  // what is written after the reader has closed waits for another to open, which never does
  let isOpen = true
  yield* Effect.addFinalizer(() => Effect.sync(() => (isOpen = false)))
  return {
    address,
    pull,
    write: (frame: Uint8Array | Socket.CloseEvent) =>
      Effect.suspend(() => (isOpen && !tcp.destroyed ? Effect.andThen(writer.write(frame), drained(tcp)) : Effect.fail(isGone))),
    gone: Effect.asVoid(once(tcp, "close", () => tcp.destroyed))
  }
})

/** `isProxied`: clients come by way of a proxy, which says in X-Forwarded-For who they are. */
export const layer = (isProxied: boolean): Layer.Layer<Wires> => Layer.succeed(Wires, { upgrade: upgrade(isProxied) })

/** Waits until the socket takes more, or is gone, which the next read tells. */
const drained = (tcp: TcpSocket): Effect.Effect<void> =>
  Effect.suspend(() =>
    tcp.writableNeedDrain ? Effect.asVoid(Effect.raceFirst(once(tcp, "drain"), once(tcp, "close"))) : Effect.void
  )

const once = (tcp: TcpSocket, event: "drain" | "close", isDone = () => tcp.destroyed) =>
  Effect.callback<void>((resume) => {
    if (isDone()) return resume(Effect.void)
    const listener = () => resume(Effect.void)
    tcp.once(event, listener)
    return Effect.sync(() => tcp.off(event, listener))
  })
