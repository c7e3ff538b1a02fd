/**
 * The channels of a connection beside its first one: who serves them here, and what becomes of those that the other end opens.
 *
 * A part of `Swarm`. It is asked only once both devices are proved, and what runs on such a channel can end that channel and no more.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { Channel, Connection } from "../../services/mesh/Connection.ts"
import type { Served } from "../../services/mesh/Swarm.ts"

/** Channels of one name that one connection may have open: one in use, and those that are just ending. */
const sameNameMax = 4

interface Proved {
  readonly connection: Connection
  readonly deviceText: string
}

const keyOf = (name: string, version: number) => `${version} ${name}`

export class SwarmBeside {
  private readonly known = new Map<string, (channel: Channel, met: Proved) => Effect.Effect<Fiber.Fiber<void>>>()

  readonly serve = Effect.fnUntraced({ self: this }, function* ({ name, onChannel, version }: Served) {
    const key = keyOf(name, version)
    if (this.known.has(key)) return yield* Effect.die(new Error(`channels named ${name} are served already`))
    const running = yield* FiberSet.make<void>()
    yield* Effect.addFinalizer(() => Effect.sync(() => this.known.delete(key)))
    this.known.set(key, (channel, met) => FiberSet.run(running, served(channel, met, onChannel)))
  })

  /** Takes what the other end opens, for as long as the connection lasts. */
  readonly accepting = ({ connection, deviceText }: Proved, space: Uint8Array): Effect.Effect<void, never, Scope.Scope> => {
    const open = new Map<string, number>()
    const count = (key: string, by: number) => open.set(key, (open.get(key) ?? 0) + by)
    const next = Effect.fnUntraced({ self: this }, function* (channel: Channel) {
      const key = keyOf(channel.name, channel.version)
      const run = equalBytes(channel.space, space) ? this.known.get(key) : undefined
      if (run === undefined) return yield* channel.close("no such channel")
      if ((open.get(key) ?? 0) >= sameNameMax) return yield* channel.close("too many channels")
      count(key, 1)
      yield* channel.widen
      const fiber = yield* run(channel, { connection, deviceText })
      fiber.addObserver(() => count(key, -1))
    })
    return Effect.ignore(Effect.forever(Effect.flatMap(connection.accept, next)))
  }
}

const served = Effect.fnUntraced(function* (channel: Channel, { deviceText }: Proved, onChannel: Served["onChannel"]) {
  const run = Effect.suspend(() => onChannel(channel, { deviceText }))
  const exit = yield* Effect.onInterrupt(Effect.exit(run), () => channel.close("done"))
  if (Exit.isFailure(exit) && Cause.hasDies(exit.cause))
    yield* Effect.logWarning(`a channel ${channel.name} to ${deviceText} crashed`, exit.cause)
  yield* channel.close(Exit.isSuccess(exit) ? "done" : "failed")
})
