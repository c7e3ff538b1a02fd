/**
 * The relay of a KUBE: each WebSocket at /relay/<meeting> waits for the one other end, then each passes on what the other sends.
 *
 * It reads from one no faster than the other takes, so that a pair costs a few frames, however unlike its ends are.
 * Who waits for whom: schema/kube/Pairs.ts. docs/format.md#relay
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"
import { Pairs } from "../../schema/kube/Pairs.ts"
import { encode } from "../../schema/platform/Codec.ts"
import { frameBytesMax } from "../../schema/platform/Limits.ts"
import type { Wire } from "../../services/kube/Wire.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"

/** Ends that wait for another. */
const waitingMax = 10_000
const silenceMillis = 90_000
/** What either end is told when both have come. */
const paired = encode([0])

interface Pair {
  lastHeard: number
}
interface End {
  readonly wire: Wire
  readonly other: Deferred.Deferred<{ readonly wire: Wire; readonly pair: Pair }>
}

/** The route of all meetings, and how many there are. */
export const make = () => {
  const pairs = new Pairs<End>(waitingMax)

  /** Serves one end until either goes. */
  const serve = Effect.fnUntraced(function* (wire: Wire, meeting: string) {
    const clock = yield* Clock.Clock
    const end: End = { wire, other: Deferred.makeUnsafe() }
    const pairing = yield* Effect.acquireRelease(
      Effect.sync(() => pairs.meet(meeting, end)),
      (pairing) => Effect.sync(() => pairing._tag !== "Refused" && pairs.leave(meeting, end))
    )
    if (pairing._tag === "Refused") return yield* close(wire, 1008, pairing.reason)
    if (pairing._tag === "Paired") {
      const pair = { lastHeard: elapsedMillis(clock) }
      // before either can be passed a frame of the other
      yield* Effect.ignore(Effect.andThen(wire.write(paired), pairing.other.wire.write(paired)))
      yield* Deferred.succeed(end.other, { wire: pairing.other.wire, pair })
      yield* Deferred.succeed(pairing.other.other, { wire, pair })
    }
    const met = yield* Effect.raceFirst(Deferred.await(end.other), Effect.as(wire.gone, null)).pipe(
      Effect.timeoutOrElse({
        duration: "30 seconds",
        orElse: () => Effect.as(close(wire, 1008, "the other end did not come"), null)
      })
    )
    if (met === null) return
    const reason = yield* Effect.raceFirst(pass(wire, met.wire, met.pair, clock), watching(met.pair, clock))
    yield* close(met.wire, 1001, reason)
  })
  return { serve, counts: () => pairs.counts() }
}

const close = (wire: Wire, code: number, reason: string) =>
  Effect.ignore(wire.write(new Socket.CloseEvent(code, reason))).pipe(
    Effect.raceFirst(wire.gone),
    Effect.timeoutOption("1 second")
  )

/** Passes frames on until an end is gone; answers why. */
const pass = (from: Wire, to: Wire, pair: Pair, clock: Clock.Clock) =>
  Effect.gen(function* () {
    while (true) {
      for (const frame of yield* from.pull) {
        pair.lastHeard = elapsedMillis(clock)
        if (typeof frame === "string" || frame.length > frameBytesMax) return "the other end sent what is no frame"
        yield* to.write(frame)
      }
    }
  }).pipe(Effect.catch(() => Effect.succeed("the other end is gone")))

/** Ends a pair in which nobody has said anything for long: live ends send pings. */
const watching = (pair: Pair, clock: Clock.Clock) =>
  Effect.gen(function* () {
    while (elapsedMillis(clock) - pair.lastHeard < silenceMillis) yield* Effect.sleep("30 seconds")
    return "silent"
  })
