/** The relay of a KUBE, when an end goes while the other's bytes wait for it. */
import * as NodeWS from "@effect/platform-node/NodeWS"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Kube from "../../src/layers/kube/Kube.ts"

const dial = (url: string) =>
  Effect.acquireRelease(
    Effect.callback<NodeWS.WebSocket>((resume) => {
      const ws = new NodeWS.WebSocket(url)
      ws.on("error", () => undefined)
      // the first message says that both ends have come
      ws.once("message", () => resume(Effect.succeed(ws)))
    }),
    (ws) => Effect.sync(() => ws.terminate())
  )

describe("KubeRelay", () => {
  it.live("lets go of an end whose bytes it holds back, as soon as the other is gone", () =>
    Effect.gen(function* () {
      const { url } = yield* Kube.open({ host: "127.0.0.1", port: 0 })
      const meeting = `${url.replace("http", "ws")}/relay/${"cd".repeat(16)}`
      const [talks, reads] = yield* Effect.all([dial(meeting), dial(meeting)], { concurrency: 2 })
      reads.pause()
      // far more than the relay and the sockets between take, so that it stops reading
      for (let i = 0; i < 2000; i++) talks.send(new Uint8Array(16_384))
      yield* Effect.sleep("200 millis")
      assert.isAbove(talks.bufferedAmount, 0)
      const gone = Effect.callback<void>((resume) => {
        talks.once("close", () => resume(Effect.void))
      })
      reads.terminate()
      yield* Effect.timeout(gone, "5 seconds")
    })
  )
})
