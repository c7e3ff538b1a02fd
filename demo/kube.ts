/** The KUBE of the demo: signaling and relay on loopback, in a process of its own, on any free port. */
import * as Effect from "effect/Effect"
import { Kube, layer } from "../src/layers/kube/Kube.ts"
import type { KubeCalls } from "./calls.ts"
import { run, serve } from "./parent.ts"

const program = Effect.gen(function* () {
  const { url } = yield* Kube
  yield* serve<KubeCalls, never>({ url: () => Effect.succeed(url) })
})

run(program.pipe(Effect.provide(layer({ host: "127.0.0.1", port: 0 }))))
