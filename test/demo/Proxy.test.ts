/** The demo's bad network, as a process: forwards, falls silent without closing, resets, and forwards again. */

import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { ProxyCalls } from "../../demo/calls.ts"
import { type ChildDied, start } from "../../demo/child.ts"

const echoServer = Effect.acquireRelease(
  Effect.callback<ReturnType<typeof createServer>>((resume) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined)
      socket.pipe(socket)
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

/** A connection that notes what comes back and how it ends. */
const dial = (url: URL) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly socket: Socket; heard: string; end: string | null }>((resume) => {
      const socket = connect(Number(url.port), url.hostname)
      const line = { socket, heard: "", end: null as string | null }
      socket.on("data", (bytes) => (line.heard += bytes.toString()))
      socket.on("error", (error: NodeJS.ErrnoException) => (line.end = error.code ?? "error"))
      socket.on("close", () => (line.end ??= "closed"))
      socket.on("connect", () => resume(Effect.succeed(line)))
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.andThen(Effect.sleep(5), until(holds))))

describe("proxy", () => {
  it.live("is silent without closing, then resets, then works again", () =>
    Effect.gen(function* () {
      const deaths = yield* Deferred.make<never, ChildDied>()
      const echo = yield* echoServer
      const proxy = yield* start<ProxyCalls>({ name: "proxy", script: "./proxy.ts", deaths })
      const url = new URL(yield* proxy.ask("listen", `http://127.0.0.1:${(echo.address() as AddressInfo).port}`))

      const before = yield* dial(url)
      before.socket.write("one")
      yield* until(() => before.heard === "one")
      assert.strictEqual(yield* proxy.ask("bytes"), 6)

      yield* proxy.ask("silence")
      before.socket.write("two")
      const during = yield* dial(url)
      during.socket.write("three")
      yield* Effect.sleep(300)
      assert.deepStrictEqual([before.heard, before.end, during.heard, during.end], ["one", null, "", null])

      const silence = yield* proxy.ask("reset")
      assert.isAtLeast(silence.seconds, 0.3)
      assert.strictEqual(silence.bytes, 0)
      yield* until(() => before.end !== null && during.end !== null)
      assert.deepStrictEqual([before.end, during.end], ["ECONNRESET", "ECONNRESET"])

      const after = yield* dial(url)
      after.socket.write("four")
      yield* until(() => after.heard === "four")
    })
  )

  it.live("a child that ends unasked is reported with what it said last", () =>
    Effect.gen(function* () {
      const deaths = yield* Deferred.make<never, ChildDied>()
      yield* start<ProxyCalls>({ name: "nobody", script: "./nothing-here.ts", deaths })
      const died = yield* Effect.flip(Deferred.await(deaths))
      assert.match(died.message, /^nobody ended unasked \(exit code 1\)[\s\S]*nothing-here/)
    })
  )
})
