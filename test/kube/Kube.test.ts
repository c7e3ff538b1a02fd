/**
 * A KUBE on loopback with real sockets: signaling and relay keep their contracts through it, and clients that misbehave lose it.
 */
import { type IncomingMessage, request } from "node:http"
import { connect } from "node:net"
import * as NodeWS from "@effect/platform-node/NodeWS"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { MinimumLogLevel } from "effect/References"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Kube from "../../src/layers/kube/Kube.ts"
import * as Connection from "../../src/layers/mesh/Connection.ts"
import * as SignalingWebSocket from "../../src/layers/mesh/SignalingWebSocket.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportRelay from "../../src/layers/mesh/TransportRelay.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringMemory from "../../src/layers/platform/KeyringMemory.ts"
import { encodeAsked } from "../../src/schema/mesh/SignalingFrame.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { Signaling } from "../../src/services/mesh/Signaling.ts"
import { Swarm } from "../../src/services/mesh/Swarm.ts"
import type { Crypto } from "../../src/services/platform/Crypto.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { signalingConformance } from "../../src/testing/Signaling.ts"
import { transportConformance } from "../../src/testing/Transport.ts"
import { Proxy, layer as proxyLayer } from "./Proxy.ts"

const platforms = [
  ["ws", NodeWS.layerWebSocketConstructor, true],
  ["the global WebSocket", Socket.layerWebSocketConstructorGlobal, false]
] as const

const signaling = (constructor: Layer.Layer<Socket.WebSocketConstructor>) =>
  Layer.unwrap(Effect.map(Proxy, ({ url }) => SignalingWebSocket.layer(url))).pipe(
    Layer.provide(Layer.merge(constructor, CryptoNode.layer))
  )
const relay = (constructor: Layer.Layer<Socket.WebSocketConstructor>) =>
  Layer.unwrap(Effect.map(Proxy, ({ url }) => TransportRelay.layer(url))).pipe(Layer.provide(constructor))

for (const [name, constructor, holdsBack] of platforms) {
  signalingConformance(`WebSocket, by ${name}`, {
    network: proxyLayer,
    layer: signaling(constructor),
    line: { cut: Effect.flatMap(Proxy, ({ cut }) => cut), heal: Effect.flatMap(Proxy, ({ heal }) => heal) }
  })
  transportConformance(`Relay, by ${name}`, { network: proxyLayer, layer: relay(constructor), holdsBack })
}

/** A WebSocket to the KUBE: what it sends, and what it hears until it is closed. */
const client = (path: string) => Effect.flatMap(Proxy, ({ kube }) => lineTo(kube.url, path))
const lineTo = Effect.fnUntraced(function* (url: string, path = "/signal") {
  const socket = yield* Socket.makeWebSocket(`${url.replace("http", "ws")}${path}`)
  const reader = yield* socket.reader
  const { write } = yield* socket.writer
  const heard: Array<Uint8Array | string> = []
  const closed = yield* reader.pull.pipe(
    Effect.map((frames) => heard.push(...frames)),
    Effect.forever,
    Effect.flip,
    Effect.map(({ reason }) => (reason._tag === "SocketCloseError" ? reason.code : -1)),
    Effect.forkScoped
  )
  return { write, heard, closed: Fiber.join(closed) }
})

const provided = <A, E>(effect: Effect.Effect<A, E, Proxy | Socket.WebSocketConstructor>) =>
  effect.pipe(Effect.timeout("15 seconds"), Effect.provide(Layer.merge(proxyLayer, NodeWS.layerWebSocketConstructor)))

/** The status that a request to upgrade is answered with. */
const upgradeTo = (kube: Kube.Kube["Service"], path: string, protocol: string) =>
  Effect.callback<number>((resume) => {
    const key = { "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13" }
    const asking = request({ ...kube, path, headers: { connection: "Upgrade", upgrade: protocol, ...key } })
    const answered = ({ statusCode }: IncomingMessage) => {
      asking.destroy()
      resume(Effect.succeed(statusCode ?? 0))
    }
    asking.on("error", () => undefined)
    asking.on("response", answered).on("upgrade", answered).end()
  })

const figures = Effect.gen(function* () {
  const { kube } = yield* Proxy
  return yield* Effect.promise(() => fetch(`${kube.url}/health`).then((response) => response.json() as Promise<Figures>))
})
interface Figures {
  readonly signaling: { readonly topics: number; readonly lines: number }
  readonly relay: { readonly waiting: number; readonly paired: number }
}
const until = (isDone: (figures: Figures) => boolean) =>
  figures.pipe(Effect.tap(Effect.sleep("10 millis")), Effect.repeat({ until: isDone }))

const idOf = (n: number) => n.toString(16).padStart(32, "0")
/** Each peer with a secret of its own. */
const join = (seat: number, peer = 1) =>
  encodeAsked({ _tag: "Join", seat, topic: new Uint8Array(32), peer: idOf(peer), secret: idOf(1_000 + peer) })
const joinBy = (url: string, services: Layer.Layer<Socket.WebSocketConstructor | Crypto>) =>
  Layer.build(Layer.fresh(SignalingWebSocket.layer(url).pipe(Layer.provide(services)))).pipe(
    Effect.flatMap((context) => Context.get(context, Signaling).join(new Uint8Array(32)))
  )
const signalOf = (peer: string, byte: number) => ({ _tag: "Signal", peer, payload: Uint8Array.of(byte) }) as const
const meeting = "/relay/" + "ab".repeat(16)

describe("Kube", () => {
  it.live("says where it is, and how much it has to do", () =>
    Effect.gen(function* () {
      const { kube } = yield* Proxy
      assert.match(kube.url, /^http:\/\/127\.0\.0\.1:\d+$/)
      const line = yield* client("/signal")
      yield* line.write(join(0))
      yield* client(meeting)
      const busy = yield* until(({ relay, signaling }) => signaling.lines === 1 && relay.waiting === 1)
      assert.deepStrictEqual(busy.signaling, { topics: 1, lines: 1 })
    }).pipe(Effect.scoped, provided)
  )

  it.live("keeps nothing of those who have gone", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const line = yield* client("/signal")
          yield* line.write(join(0))
          yield* client(meeting)
          yield* client(meeting)
          yield* until(({ relay, signaling }) => signaling.lines === 1 && relay.paired === 1)
        })
      )
      const after = yield* until(({ relay, signaling }) => signaling.lines === 0 && relay.paired === 0)
      assert.deepStrictEqual(after.relay, { waiting: 0, paired: 0 })
    }).pipe(provided)
  )

  it.live("a port in use is told so", () =>
    Effect.gen(function* () {
      const { kube } = yield* Proxy
      const error = yield* Effect.flip(Effect.scoped(Kube.open({ host: kube.host, port: kube.port })))
      assert.strictEqual(error._tag, "KubeUnavailable")
      assert.include(error.message, `127.0.0.1:${kube.port}`)
      assert.include(error.message, "EADDRINUSE")
    }).pipe(Effect.scoped, provided)
  )

  it.live("closes at once, although clients are connected and do not answer", () =>
    Effect.gen(function* () {
      const { kube, silence } = yield* Proxy
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* Kube.open({ host: "127.0.0.1", port: 0 })
          assert.notStrictEqual(server.port, kube.port)
          for (let i = 0; i < 3; i++) {
            const socket = yield* Socket.makeWebSocket(`${server.url.replace("http", "ws")}/signal`)
            yield* socket.reader
          }
          yield* silence
        })
      ).pipe(Effect.timeout("5 seconds"))
    }).pipe(Effect.scoped, provided)
  )

  it.live("what is no message of signaling closes that line, with a code that says why", () =>
    Effect.gen(function* () {
      const cases = [
        [Uint8Array.of(0xff), 1002],
        [encode([9]), 1002],
        [encode([0, 0, new Uint8Array(31), new Uint8Array(16), new Uint8Array(16)]), 1002],
        [encode([0, 0, new Uint8Array(32), new Uint8Array(16)]), 1002],
        [encode([4]), 1002],
        ["text", 1003],
        [new Uint8Array(200_000), 1009]
      ] as const
      const good = yield* client("/signal")
      yield* good.write(join(0))
      for (const [frame, code] of cases) {
        const line = yield* client("/signal")
        yield* line.write(frame)
        assert.strictEqual(yield* line.closed, code)
      }
      yield* good.write(encodeAsked({ _tag: "Ping" }))
      while (good.heard.length < 2) yield* Effect.sleep("5 millis")
      assert.deepStrictEqual(good.heard[1], encode([4]))
    }).pipe(Effect.scoped, provided)
  )

  it.live(
    "a stranger cannot take the seat of a peer, and a peer whose name was taken while it was away comes back under another",
    () =>
      Effect.gen(function* () {
        const { cut, heal, kube, url } = yield* Proxy
        const constructor = yield* Socket.WebSocketConstructor
        const services = Layer.merge(Layer.succeed(Socket.WebSocketConstructor, constructor), CryptoNode.layer)
        // alice is behind the proxy, and the stranger and bob are not
        const alice = yield* joinBy(url, services)
        const name = alice.self
        const eve = yield* client("/signal")
        const take = encodeAsked({ _tag: "Join", seat: 7, topic: new Uint8Array(32), peer: name, secret: idOf(666) })
        yield* until(({ signaling }) => signaling.lines === 1)
        yield* eve.write(take)
        while (eve.heard.length < 1) yield* Effect.sleep("5 millis")
        assert.deepStrictEqual(eve.heard[0], encode([8, 7, 3]))
        yield* eve.write(encodeAsked({ _tag: "Leave", seat: 7 }))
        const bob = yield* joinBy(kube.url, services)
        assert.deepStrictEqual(yield* Queue.take(bob.events), { _tag: "Joined", peer: name })
        yield* bob.send(name, Uint8Array.of(1))
        assert.deepStrictEqual(yield* Queue.take(alice.events), { _tag: "Joined", peer: bob.self })
        assert.deepStrictEqual({ ...(yield* Queue.take(alice.events)) }, signalOf(bob.self, 1))

        yield* cut
        assert.deepStrictEqual(yield* Queue.take(bob.events), { _tag: "Left", peer: name })
        yield* eve.write(take)
        assert.deepStrictEqual(yield* Queue.take(bob.events), { _tag: "Joined", peer: name })
        yield* heal
        const { peer } = yield* Queue.take(bob.events)
        assert.strictEqual(peer, alice.self)
        assert.notStrictEqual(peer, name)
        yield* bob.send(peer, Uint8Array.of(2))
        const told = yield* Queue.take(alice.events).pipe(Effect.repeat({ until: (event) => event._tag === "Signal" }))
        assert.deepStrictEqual({ ...told }, signalOf(bob.self, 2))
      }).pipe(Effect.scoped, provided, Effect.provideService(MinimumLogLevel, "None"))
  )

  it.live("a line may hold 64 topics, and is told when one more is refused", () =>
    Effect.gen(function* () {
      const line = yield* client("/signal")
      for (let seat = 0; seat < 65; seat++) {
        const topic = new Uint8Array(32).fill(seat)
        yield* line.write(encodeAsked({ _tag: "Join", seat, topic, peer: idOf(0), secret: idOf(0) }))
      }
      while (line.heard.length < 65) yield* Effect.sleep("5 millis")
      assert.deepStrictEqual(line.heard[64], encode([8, 64, 1]))
    }).pipe(Effect.scoped, provided)
  )

  it.live("a peer at more topics than a line may hold is at all of them, over more lines, and gives them back", () =>
    Effect.gen(function* () {
      const { kube } = yield* Proxy
      const services = Layer.merge(NodeWS.layerWebSocketConstructor, CryptoNode.layer)
      const peer = Effect.map(Layer.build(Layer.fresh(Layer.provide(SignalingWebSocket.layer(kube.url), services))), (context) =>
        Context.get(context, Signaling)
      )
      const [one, other] = [yield* peer, yield* peer]
      const topics = Array.from({ length: 70 }, (_, n) => new Uint8Array(32).fill(n))
      const scope = yield* Scope.make()
      const places = yield* Effect.forEach(topics, (topic) => Scope.provide(one.join(topic), scope))
      yield* until(({ signaling }) => signaling.topics === 70 && signaling.lines === 2)
      const found = yield* other.join(topics[69]!)
      assert.deepStrictEqual(yield* Queue.take(found.events), { _tag: "Joined", peer: places[69]!.self })
      yield* Scope.close(scope, Exit.void)
      yield* until(({ signaling }) => signaling.topics === 1 && signaling.lines === 1)
    }).pipe(Effect.scoped, provided)
  )

  it.live("one address has its share of lines, and a client behind a proxy is counted by what the proxy added", () =>
    Effect.gen(function* () {
      const bounds = { addressLinesMax: 2, host: "127.0.0.1", port: 0 }
      const alone = yield* Kube.open(bounds)
      const proxied = yield* Kube.open({ ...bounds, isProxied: true })
      const line = (url: string, forwarded: string) =>
        Effect.provideService(
          lineTo(url),
          Socket.WebSocketConstructor,
          (to) => new NodeWS.WebSocket(to, { headers: { "x-forwarded-for": forwarded } }) as unknown as Socket.WebSocketLike
        )
      yield* line(alone.url, "10.0.0.1")
      yield* line(alone.url, "10.0.0.2")
      const third = yield* line(alone.url, "10.0.0.3")
      assert.strictEqual(yield* third.closed, 1008)
      for (const n of [1, 1, 2, 2, 3]) yield* line(proxied.url, `1.2.3.4, 10.0.0.${n}`)
      const greedy = yield* line(proxied.url, "10.0.0.3, 10.0.0.1")
      assert.strictEqual(yield* greedy.closed, 1008)
    }).pipe(Effect.scoped, provided)
  )

  it.live("a text frame, and a frame above the limit, end a relayed pair", () =>
    Effect.gen(function* () {
      for (const frame of ["text", new Uint8Array(70_000)]) {
        const [a, b] = [yield* client(meeting), yield* client(meeting)]
        yield* a.write(frame)
        assert.strictEqual(yield* b.closed, 1001)
        yield* a.closed
        assert.deepStrictEqual(b.heard, [encode([0])])
        yield* until(({ relay }) => relay.paired === 0)
      }
    }).pipe(Effect.scoped, provided)
  )

  it.live("who asks to upgrade to anything but a WebSocket is refused", () =>
    Effect.gen(function* () {
      const { kube } = yield* Proxy
      const path = "/relay/" + "cd".repeat(16)
      for (const route of ["/signal", path]) {
        for (const protocol of ["h2c", "websocket2", "h2c, websocket"])
          assert.strictEqual(yield* upgradeTo(kube, route, protocol), 400, protocol)
      }
      assert.strictEqual(yield* upgradeTo(kube, "/signal", "WebSocket"), 101)
      // who goes on sending after the answer has no connection any more
      const refused = connect({ ...kube, allowHalfOpen: true })
      refused.on("error", () => undefined).resume()
      refused.write("GET /signal HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
      while (!refused.destroyed) {
        refused.write(new Uint8Array(100_000))
        yield* Effect.sleep("10 millis")
      }
      assert.deepStrictEqual((yield* until(({ signaling }) => signaling.lines === 0)).relay, { waiting: 0, paired: 0 })
    }).pipe(Effect.scoped, provided)
  )

  it.live("what is no meeting is not found", () =>
    Effect.gen(function* () {
      const { kube } = yield* Proxy
      for (const path of ["/relay/xyz", "/relay/" + "A".repeat(32), "/relay", "/other", "/signal"]) {
        const response = yield* Effect.promise(() => fetch(kube.url + path))
        assert.isAtLeast(response.status, 400, path)
      }
    }).pipe(provided)
  )
})

describe("Swarm by way of a KUBE", () => {
  const space = new Uint8Array(32).fill(9)
  const services = (url: string) =>
    SwarmLayer.layer.pipe(
      Layer.provide(Layer.mergeAll(SignalingWebSocket.layer(url), TransportRelay.layer(url), Connection.layer)),
      Layer.provideMerge(KeyringMemory.layer),
      Layer.provide(Layer.merge(CryptoNode.layer, NodeWS.layerWebSocketConstructor))
    )

  const peer = Effect.fnUntraced(function* (url: string, heard: Queue.Queue<number>) {
    const context = yield* Layer.build(Layer.fresh(services(url)))
    const device = yield* Effect.provideContext(
      Keyring.use((keyring) => keyring.generate("device")),
      context
    )
    yield* Effect.provideContext(Swarm, context).pipe(
      Effect.flatMap((swarm) =>
        swarm.join({
          space,
          device,
          isMember: () => true,
          channel: "echo/replicate",
          version: 0,
          onPeer: ({ socket }) =>
            Effect.gen(function* () {
              const reader = yield* socket.reader
              const writer = yield* socket.writer
              yield* writer.write(new Uint8Array(1_000_000))
              while (true) for (const message of yield* reader.pull) yield* Queue.offer(heard, message.length)
            })
        })
      )
    )
  })

  it.live("peers meet, pass a megabyte both ways, and meet again after the line was silent and then cut", () =>
    Effect.gen(function* () {
      const { cut, heal, silence, url } = yield* Proxy
      const heard = yield* Queue.bounded<number>(16)
      yield* peer(url, heard)
      yield* peer(url, heard)
      assert.deepStrictEqual([yield* Queue.take(heard), yield* Queue.take(heard)], [1_000_000, 1_000_000])
      yield* silence
      yield* Effect.sleep("500 millis")
      yield* cut
      yield* Effect.sleep("200 millis")
      yield* heal
      assert.deepStrictEqual([yield* Queue.take(heard), yield* Queue.take(heard)], [1_000_000, 1_000_000])
    }).pipe(Effect.scoped, provided)
  )
})
