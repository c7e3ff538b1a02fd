/**
 * Connections by way of a KUBE: both ends open a WebSocket under the id of their meeting, and the KUBE passes frames between them.
 *
 * A WebSocket of a browser takes whatever it is given, so a write waits here until most of what was given has left. What arrives is
 * held back where the platform can (`ws` on Node); elsewhere the credit above bounds it. docs/format.md#relay
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Hex from "effect/encoding/Hex"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { equalBytes } from "../../schema/platform/Codec.ts"
import { frameBytesMax, pipeBytesMax } from "../../schema/platform/Limits.ts"
import { ConnectFailed, type Meeting, Transport } from "../../services/mesh/Transport.ts"

/** What the KUBE says when both have come: the DC1 of [0]. */
const paired = Uint8Array.of(0x81, 0x00)
/** What arrives and is not read: beyond it `ws` is paused, and a WebSocket that cannot be is closed. */
const unreadBytesMax = 2 * 1_048_576

/** The address of a meeting at a KUBE. */
const relayUrl = (kube: string, meeting: Uint8Array): string =>
  `${kube.replace(/^http/, "ws").replace(/\/+$/, "")}/relay/${Hex.encode(meeting)}`

const failed = (reason: string) => new ConnectFailed({ transport: "relay", reason })

const make = Effect.fnUntraced(function* (kube: string) {
  const construct = yield* Socket.WebSocketConstructor

  const connect = Effect.fnUntraced(function* (meeting: Meeting) {
    const scope = yield* Scope.fork(yield* Effect.scope)
    let webSocket: Socket.WebSocketLike | undefined
    const dial = Effect.acquireRelease(
      Effect.try({ try: () => (webSocket = construct(relayUrl(kube, meeting.id))), catch: unopened }),
      (ws) => Effect.sync(() => ws.close(1000))
    )
    const socket = yield* Socket.fromWebSocket(dial, { highWaterMark: unreadBytesMax })
    const reader = yield* Scope.provide(socket.reader, scope).pipe(Effect.mapError((error) => failed(error.message)))
    const writer = yield* Scope.provide(socket.writer, scope)
    const [first, ...early] = yield* reader.pull.pipe(
      Effect.mapError((error) => failed(error.message)),
      Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => failed("the other end did not come within 30 s") })
    )
    if (typeof first === "string" || !equalBytes(first, paired)) return yield* failed("what answers there is no relay")
    return endOf({ reader, writer, early, buffered: () => bufferedBytes(webSocket), close: Scope.close(scope, Exit.void) })
  })
  return Transport.of({ name: "relay", connect })
})

const unopened = (cause: unknown) => new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause }) })

/** Relayed by the KUBE with this address, such as `http://127.0.0.1:7700`. */
export const layer = (kube: string): Layer.Layer<Transport, never, Socket.WebSocketConstructor> =>
  Layer.effect(Transport, make(kube))

/** What was given to a WebSocket and has not left; 0 where it does not say. */
const bufferedBytes = (webSocket: Socket.WebSocketLike | undefined): number =>
  webSocket !== undefined && "bufferedAmount" in webSocket && typeof webSocket.bufferedAmount === "number"
    ? webSocket.bufferedAmount
    : 0

interface Opened {
  readonly reader: Socket.Reader
  readonly writer: Socket.Writer
  /** Frames that came together with the KUBE's word. */
  readonly early: ReadonlyArray<Uint8Array | string>
  readonly buffered: () => number
  /** Fails a pending pull, and closes the WebSocket. */
  readonly close: Effect.Effect<void>
}

/** The connection as a socket that is there already, whose end is final. */
const endOf = ({ buffered, close, early, reader, writer }: Opened): Socket.Socket => {
  let waiting = early
  let ended: Socket.SocketError | null = null
  const pull = Effect.suspend(() => {
    const [first, ...rest] = waiting
    waiting = []
    if (first !== undefined) return Effect.succeed([first, ...rest] as const)
    return Effect.tapError(reader.pull, (error) => Effect.sync(() => (ended ??= error)))
  })
  const write = (chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => {
      if (ended !== null) return Effect.fail(ended)
      if (Socket.isCloseEvent(chunk)) return end
      if (chunk.length > frameBytesMax) return tooLong(chunk.length)
      // no event tells when a WebSocket has sent, so one looks again
      if (buffered() > pipeBytesMax) return Effect.andThen(Effect.sleep("5 millis"), write(chunk))
      return writer.write(chunk)
    })
  const end = Effect.suspend(() => {
    ended ??= new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: 1000 }) })
    waiting = []
    return close
  })
  return Socket.make({
    reader: Effect.acquireRelease(Effect.succeed({ pull, upgrade: Socket.SocketUpgradeError.unsupported }), () => end),
    writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
  })
}

const tooLong = (length: number) => {
  const cause = new Error(`a frame of ${length} bytes exceeds ${frameBytesMax}`)
  return Effect.fail(new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause }) }))
}
