/**
 * The suite that says whether a Signaling keeps its contract. Run it on your own layer, in a Vitest file:
 *
 *     signalingConformance("my signaling", { network: myServerLayer, layer: mySignalingLayer })
 *
 * The rules, by the numbers in the tests' titles:
 * N1 peers of a topic are told of each other. N2 who comes later is told of all that are there. N3 a signal arrives at the one it is
 * for, unchanged, with its sender's id. N4 signals between two keep their order. N5 a signal may have 64 KiB; a larger one is lost,
 * and nothing else with it. N6 who leaves is missed. N7 topics are apart. N8 nobody is told of itself, and ids are new each time.
 * N9 a signal to one that is gone is lost without an error. N10 bytes belong to the caller again. N11 one peer may be at many topics,
 * and at one topic twice (a network may refuse it more). N12 who does not listen misses nobody. If the line can be cut: N13 when it is back, those who left are
 * missed, those who are there are told again, and signals pass.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { signalBytesMax } from "../schema/platform/Limits.ts"
import { Signaling, type SignalingEvent, type Topic } from "../services/mesh/Signaling.ts"

/** What a suite needs: layers that lead to one and the same network, and what the network needs while the test runs. */
export interface SignalingUnderTest<N> {
  /** The network of one test. */
  readonly network: Layer.Layer<N, unknown>
  /** Runs a test somewhere else than here and now, a simulated world for one. */
  readonly within?: (test: Effect.Effect<void, unknown>) => Effect.Effect<void, unknown>
  /** The signaling of one peer: built once for each peer. */
  readonly layer: Layer.Layer<Signaling, unknown, N>
  readonly line?: Line<N>
}

/** Cuts everybody's line so that it is noticed, and heals it. */
export interface Line<N> {
  readonly cut: Effect.Effect<void, unknown, N>
  readonly heal: Effect.Effect<void, unknown, N>
}

/** Declares the suite. */
export const signalingConformance = <N>(name: string, under: SignalingUnderTest<N>): void => {
  const peer = Effect.map(Layer.build(Layer.fresh(under.layer)), Context.get(Signaling))
  const within = under.within ?? ((test) => test)
  const check = (title: string, body: (peer: Peer<N>) => Effect.Effect<void, unknown, N | Scope.Scope>) =>
    it.live(title, () => within(body(peer).pipe(Effect.timeout("15 seconds"), Effect.provide(under.network), Effect.scoped)))

  describe(`Signaling: ${name}`, () => {
    for (const [title, body] of rules) check(title, body)
    const { line } = under
    if (line !== undefined) {
      check("[N13] when the line is back, who left is missed, who is there is told again, and signals pass", (peer) =>
        rejoining(peer, line)
      )
    }
  })
}

type Peer<N = never> = Effect.Effect<Signaling["Service"], unknown, N | Scope.Scope>
type Body = <N>(peer: Peer<N>) => Effect.Effect<void, unknown, N | Scope.Scope>

const topicOf = (n: number) => new Uint8Array(32).fill(n)
const bytes = (...list: ReadonlyArray<number>) => Uint8Array.from(list)
const join = <N>(peer: Peer<N>, topic = 1) => Effect.flatMap(peer, (signaling) => signaling.join(topicOf(topic)))

/** The next event, as text where it is one of presence. */
const next = (topic: Topic): Effect.Effect<SignalingEvent> => Queue.take(topic.events)
const hears = (topic: Topic, event: SignalingEvent) =>
  Effect.map(next(topic), (heard) => assert.deepStrictEqual({ ...heard }, event))
const joined = (peer: Topic) => ({ _tag: "Joined", peer: peer.self }) as const
const left = (peer: Topic) => ({ _tag: "Left", peer: peer.self }) as const
const signal = (peer: Topic, payload: Uint8Array) => ({ _tag: "Signal", peer: peer.self, payload }) as const
/** Two that have heard of each other. */
const pair = Effect.fnUntraced(function* <N>(peer: Peer<N>, topic = 1) {
  const a = yield* join(peer, topic)
  const b = yield* join(peer, topic)
  yield* hears(a, joined(b))
  yield* hears(b, joined(a))
  return [a, b] as const
})

const rules: ReadonlyArray<readonly [title: string, body: Body]> = [
  ["[N1] peers of a topic are told of each other", (peer) => Effect.asVoid(pair(peer))],
  [
    "[N2] who comes later is told of all that are there",
    Effect.fnUntraced(function* (peer) {
      const [a, b] = yield* pair(peer)
      const c = yield* join(peer)
      const heard = [yield* next(c), yield* next(c)].map((event) => event.peer).sort()
      assert.deepStrictEqual(heard, [a.self, b.self].sort())
      yield* hears(a, joined(c))
      yield* hears(b, joined(c))
    })
  ],
  [
    "[N3] a signal arrives at the one it is for, unchanged, with its sender's id, and nowhere else",
    Effect.fnUntraced(function* (peer) {
      const [a, b] = yield* pair(peer)
      const c = yield* join(peer)
      yield* hears(b, joined(c))
      yield* next(c)
      yield* next(c)
      yield* a.send(b.self, bytes(0, 255, 1))
      yield* hears(b, signal(a, bytes(0, 255, 1)))
      // what was for b is not before what is for c
      yield* a.send(c.self, bytes(2))
      yield* hears(c, signal(a, bytes(2)))
    })
  ],
  [
    "[N4] signals between two keep their order",
    Effect.fnUntraced(function* (peer) {
      const [a, b] = yield* pair(peer)
      for (let i = 0; i < 20; i++) yield* a.send(b.self, bytes(i))
      for (let i = 0; i < 20; i++) yield* hears(b, signal(a, bytes(i)))
    })
  ],
  [
    "[N5] a signal may have 64 KiB; a larger one is lost, and nothing else with it",
    Effect.fnUntraced(function* (peer) {
      const [a, b] = yield* pair(peer)
      const largest = new Uint8Array(signalBytesMax).map((_, i) => i * 7)
      yield* a.send(b.self, largest)
      yield* hears(b, signal(a, largest))
      yield* a.send(b.self, new Uint8Array(signalBytesMax + 1))
      yield* a.send(b.self, bytes(3))
      yield* hears(b, signal(a, bytes(3)))
    })
  ],
  [
    "[N6] who leaves is missed",
    Effect.fnUntraced(function* (peer) {
      const a = yield* join(peer)
      const b = yield* Effect.scoped(Effect.tap(join(peer), (b) => hears(a, joined(b))))
      yield* hears(a, left(b))
    })
  ],
  [
    "[N7] topics are apart",
    Effect.fnUntraced(function* (peer) {
      const [a, b] = yield* pair(peer, 1)
      const [c, d] = yield* pair(peer, 2)
      yield* a.send(c.self, bytes(1))
      yield* c.send(d.self, bytes(2))
      yield* hears(d, signal(c, bytes(2)))
      yield* d.send(c.self, bytes(3))
      yield* hears(c, signal(d, bytes(3)))
      yield* a.send(b.self, bytes(4))
      yield* hears(b, signal(a, bytes(4)))
    })
  ],
  [
    "[N8] nobody is told of itself; an id is 16 bytes as hex, and new each time",
    Effect.fnUntraced(function* (peer) {
      const a = yield* join(peer)
      const b = yield* Effect.scoped(join(peer))
      const signaling = yield* peer
      const ids = [a.self, b.self]
      for (let i = 0; i < 3; i++) ids.push((yield* Effect.scoped(signaling.join(topicOf(1)))).self)
      for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/)
      assert.strictEqual(new Set(ids).size, ids.length)
      const c = yield* join(peer)
      for (let event = yield* next(a); event.peer !== c.self; event = yield* next(a)) assert.notStrictEqual(event.peer, a.self)
    })
  ],
  [
    "[N9] a signal to one that is gone is lost without an error",
    Effect.fnUntraced(function* (peer) {
      const [a, b] = yield* pair(peer)
      yield* a.send("00".repeat(16), bytes(1))
      yield* a.send("no peer", bytes(1))
      yield* a.send(b.self, bytes(2))
      yield* hears(b, signal(a, bytes(2)))
    })
  ],
  [
    "[N10] bytes belong to the caller again when send has returned",
    Effect.fnUntraced(function* (peer) {
      const [a, b] = yield* pair(peer)
      const payload = bytes(1, 2, 3)
      yield* a.send(b.self, payload)
      payload.fill(9)
      yield* hears(b, signal(a, bytes(1, 2, 3)))
    })
  ],
  [
    "[N11] one peer may be at many topics, and at one topic twice",
    Effect.fnUntraced(function* (peer) {
      const signaling = yield* peer
      const topics = yield* Effect.forEach([1, 2, 3, 4], (n) => signaling.join(topicOf(n)))
      const others = yield* Effect.forEach([1, 2, 3, 4], (n) => join(peer, n))
      for (const [i, topic] of topics.entries()) yield* hears(topic, joined(others[i]!))
      const again = yield* signaling.join(topicOf(1))
      yield* hears(topics[0]!, joined(again))
      yield* hears(others[0]!, joined(topics[0]!))
      yield* hears(others[0]!, joined(again))
      yield* others[0]!.send(again.self, bytes(7))
      yield* next(again)
      yield* next(again)
      yield* hears(again, signal(others[0]!, bytes(7)))
    })
  ],
  [
    "[N12] who does not listen for a while misses nobody",
    Effect.fnUntraced(function* (peer) {
      const a = yield* join(peer)
      const many = yield* Effect.forEach(Array.from({ length: 30 }), () =>
        Effect.flatMap(peer, (signaling) => Effect.all([signaling.join(topicOf(1)), signaling.join(topicOf(1))]))
      ).pipe(Effect.map((topics) => topics.flat()))
      const found = new Set<string>()
      while (found.size < many.length) {
        const event = yield* next(a)
        if (event._tag === "Joined") found.add(event.peer)
      }
      assert.deepStrictEqual([...found].sort(), many.map((topic) => topic.self).sort())
    })
  ]
]

const rejoining = Effect.fnUntraced(function* <N>(peer: Peer<N>, line: Line<N>) {
  const [a, b] = yield* pair(peer)
  const c = yield* Effect.scoped(
    Effect.gen(function* () {
      const c = yield* join(peer)
      yield* hears(a, joined(c))
      yield* line.cut
      return c
    })
  )
  yield* line.heal
  const after = new Map<string, string>()
  while (after.get(b.self) !== "Joined" || after.get(c.self) !== "Left") {
    const event = yield* next(a)
    after.set(event.peer, event._tag)
  }
  const send = Effect.andThen(a.send(b.self, bytes(5)), Effect.sleep("50 millis")).pipe(Effect.forever)
  const heard = next(b).pipe(Effect.repeat({ until: (event) => event._tag === "Signal" }))
  assert.deepStrictEqual({ ...(yield* Effect.raceFirst(heard, send)) }, signal(a, bytes(5)))
})
