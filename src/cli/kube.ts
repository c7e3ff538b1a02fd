/**
 * `troupe kube`: signaling and relay for peers that cannot reach each other directly, until it is stopped.
 *
 * The server is loaded when it is started, so that help and version answer without it.
 */

import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"

const host = Flag.String("host").pipe(
  Flag.withDefault("127.0.0.1"),
  Flag.withDescription("The address to listen on. 0.0.0.0 lets others in: put TLS before it.")
)
const port = Flag.Int("port").pipe(
  Flag.filter(
    (value) => value >= 0 && value <= 65_535,
    (value) => `Expected a port from 0 (any free one) to 65535, not ${value}`
  ),
  Flag.withDefault(7700),
  Flag.withDescription("The port to listen on; 0 takes any free one.")
)
const proxied = Flag.Boolean("proxied").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Tells clients apart by the last entry of X-Forwarded-For, which the proxy before it adds.")
)
const json = Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription('Prints one line of JSON: {"url":"…"}'))

export const kube = Command.make("kube", { host, port, proxied, json }, (options) =>
  Effect.gen(function* () {
    const { Kube, layer } = yield* Effect.promise(() => import("../layers/kube/Kube.ts"))
    yield* Effect.gen(function* () {
      const { url } = yield* Kube
      yield* Console.log(options.json ? JSON.stringify({ url }) : `KUBE at ${url} (Ctrl-C stops it)`)
      return yield* Effect.never
    }).pipe(Effect.provide(layer({ host: options.host, port: options.port, isProxied: options.proxied })))
  })
).pipe(Command.withDescription("Runs a KUBE: signaling, and a relay for peers that cannot reach each other directly."))
