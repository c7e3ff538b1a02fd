/**
 * Calls to the actors of one name on another device: an effect/rpc client over a channel that is opened by the first call.
 *
 * When the channel ends, so do all calls on it, each with whether it had left; the next call opens another. Elements of a stream are
 * handed over beside the reading, so that who takes his time with one holds up no other call.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Headers from "effect/http/Headers"
import * as RpcClient from "effect/rpc/RpcClient"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { callsMax, messageBytesMax } from "../../schema/platform/Limits.ts"
import { ActorCrashed, ActorUnreachable } from "../../services/actor/ActorRef.ts"
import type { Channel, ConnectionClosed } from "../../services/mesh/Connection.ts"
import type { NotConnected } from "../../services/mesh/Swarm.ts"
import { type CallHeaders, codecFor, encode, type FromServer, type Group, Malformed, readFromServer } from "./ActorWire.ts"

export interface LineOptions {
  readonly actor: string
  readonly device: string
  readonly group: Group
  readonly open: Effect.Effect<Channel, NotConnected>
  /** Owns what runs for the channel. */
  readonly scope: Scope.Scope
}

type Call = (tag: string, payload: unknown, options: { readonly headers: CallHeaders }) => unknown

/** A channel with its client. */
interface Opened {
  readonly call: Call
  readonly isClosed: () => boolean
}

/** Is called when a call is on its way, and no sooner. */
const Leaving = Context.Reference<() => void>("troupe/actor/Leaving", { defaultValue: () => () => {} })

export class ActorLine {
  readonly device: string
  private readonly options: LineOptions
  private readonly opening = Semaphore.makeUnsafe(1)
  private readonly calls = Semaphore.makeUnsafe(callsMax)
  /** Streams may be quiet for long, so they leave room for other calls. */
  private readonly streams = Semaphore.makeUnsafe(callsMax / 2)
  private opened: Opened | null = null

  constructor(options: LineOptions) {
    this.options = options
    this.device = options.device
  }

  /** Calls, when one of `callsMax` is free. `left` is told once it is on its way. */
  ask(tag: string, payload: unknown, headers: CallHeaders, left: () => void): Effect.Effect<unknown, unknown> {
    return this.calls.withPermits(1)(
      Effect.flatMap(this.client(headers), ({ call }) => {
        let hasLeft = false
        const leaving = () => {
          hasLeft = true
          left()
        }
        return alone(call(tag, payload, { headers }) as Effect.Effect<unknown, unknown>, leaving).pipe(
          Effect.catchCause((cause) => Effect.failCause(this.judged(cause, headers, hasLeft)))
        )
      })
    )
  }

  /** A stream, when one of half as many is free and the channel is open: for that it waits as long as `opening` lets it. */
  stream(
    tag: string,
    payload: unknown,
    headers: CallHeaders,
    opening: (opened: Effect.Effect<Opened, ActorUnreachable>) => Effect.Effect<Opened, unknown>
  ): Stream.Stream<unknown, unknown> {
    const permit = Effect.acquireRelease(this.streams.take(1), () => this.streams.release(1), { interruptible: true })
    return Stream.unwrap(
      Effect.map(opening(Effect.andThen(permit, this.client(headers)) as Effect.Effect<Opened, ActorUnreachable>), ({ call }) => {
        const pulled = call(tag, payload, { headers }) as Stream.Stream<unknown, unknown>
        return pulled.pipe(
          Stream.provideService(RpcClient.CurrentHeaders, Headers.empty),
          Stream.catchCause((cause) => Stream.failCause(this.judged(cause, headers, true)))
        )
      })
    )
  }

  private client({ address }: CallHeaders): Effect.Effect<Opened, ActorUnreachable> {
    return this.opening.withPermits(1)(
      Effect.suspend(() =>
        this.opened !== null && !this.opened.isClosed()
          ? Effect.succeed(this.opened)
          : Effect.mapError(this.dial, () => this.unreachable(address, "disconnected", false))
      )
    )
  }

  private unreachable(address: string, reason: ActorUnreachable["reason"], isSent: boolean): ActorUnreachable {
    return new ActorUnreachable({ actor: `${this.options.actor}/${address}`, device: this.device, reason, isSent })
  }

  private readonly dial = Effect.gen({ self: this }, function* () {
    const { group, open, scope } = this.options
    const channel = yield* open
    const own = yield* Scope.fork(scope)
    yield* Scope.addFinalizer(own, channel.close("done"))
    let isClosed = false
    const { receive, service } = yield* protocolOf(channel, own)
    let calls = 0
    const generateRequestId = () => calls++ as RpcMessage.RequestId
    const making = RpcClient.make(group, { flatten: true, disableTracing: true, generateRequestId })
    const client: (...call: never) => unknown = yield* making.pipe(
      Effect.provideService(RpcClient.Protocol, service),
      Scope.provide(own)
    )
    const closed = Effect.sync(() => {
      isClosed = true
    })
    yield* Effect.forkIn(Effect.ensuring(Effect.ensuring(receive(closed), closed), Scope.close(own, Exit.void)), scope)
    this.opened = { call: client as Call, isClosed: () => isClosed }
    return this.opened
  }).pipe(Effect.uninterruptible)

  /** The errors of the call's own Rpc stay as they are; what the channel or the other end broke gets a name. */
  private judged(cause: Cause.Cause<unknown>, { address }: CallHeaders, hasLeft: boolean): Cause.Cause<unknown> {
    const error = Cause.squash(cause)
    if (error instanceof RpcClientError) {
      const { cause: broken } = error.reason as RpcClientDefect
      if (broken === "size") return Cause.fail(this.unreachable(address, "size", false))
      const { reason, isUnsent } = broken as Broken
      const isAbsent = reason === "no such channel"
      const isRefused = isAbsent || reason === "too many channels"
      return Cause.fail(this.unreachable(address, isAbsent ? "absent" : "disconnected", hasLeft && !isRefused && !isUnsent))
    }
    if (!cause.reasons.some((reason) => !Cause.isInterruptReason(reason)))
      return Cause.fail(this.unreachable(address, "disconnected", hasLeft))
    // what this end could not encode never left, and is a mistake of its own program
    if (!Cause.hasDies(cause) || !hasLeft) return cause
    return Cause.fail(new ActorCrashed({ actor: `${this.options.actor}/${address}`, cause: String(error) }))
  }
}

/** A call with its own headers alone, whatever others its surroundings have for requests of their own. */
const alone = (call: Effect.Effect<unknown, unknown>, leaving: () => void): Effect.Effect<unknown, unknown> =>
  call.pipe(Effect.provideService(RpcClient.CurrentHeaders, Headers.empty), Effect.provideService(Leaving, leaving))

interface Broken {
  readonly reason: ConnectionClosed["reason"]
  readonly isUnsent: boolean
}

const broken = (cause: Broken | "size"): RpcClientError =>
  new RpcClientError({ reason: new RpcClientDefect({ message: "the channel", cause }) })

const protocolOf = Effect.fnUntraced(function* (channel: Channel, scope: Scope.Scope) {
  let toAll: (message: RpcMessage.FromServerEncoded) => Effect.Effect<void> = () => Effect.void
  const service = yield* RpcClient.Protocol.make((write, clients) => {
    toAll = (message) => Effect.forEach(clients, (client) => write(client, message), { discard: true })
    return Effect.succeed({
      send: (_client, message) =>
        Effect.withFiber((fiber) => {
          const bytes = encode(message)
          if (bytes.length > messageBytesMax) return Effect.fail(broken("size"))
          if (message._tag === "Request") fiber.getRef(Leaving)()
          return Effect.mapError(channel.send(bytes), ({ reason }) => broken({ reason, isUnsent: true }))
        }),
      supportsAck: true,
      supportsTransferables: false,
      codecFor
    })
  })
  const chunks = new Chunks(scope, (chunk) => toAll(chunk as RpcMessage.FromServerEncoded))
  const next = Effect.flatMap(Effect.flatMap(channel.take, readFromServer), (message) =>
    message._tag === "Chunk" ? chunks.take(message) : toAll(message as RpcMessage.FromServerEncoded)
  )
  /** Reads until the channel ends, in whatever way; `closed` comes before anybody is told. */
  const receive = (closed: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.catchCause(Effect.forever(next), (cause) => {
      const error = Cause.squash(cause) as Malformed | ConnectionClosed
      const isOver = error._tag === "ConnectionClosed"
      const reason = isOver ? error.reason : "protocol error"
      const ended = isOver ? closed : Effect.andThen(closed, channel.close("protocol error"))
      return Effect.andThen(ended, toAll({ _tag: "ClientProtocolError", error: broken({ reason, isUnsent: false }) }))
    })
  return { service, receive }
})

type Chunk = Extract<FromServer, { readonly _tag: "Chunk" }>

/** Hands over the elements of each stream in their order. The next ones come when these are acknowledged, so few ever wait. */
class Chunks {
  private readonly last = new Map<number, { fiber: Fiber.Fiber<void> | null; waiting: number }>()
  private readonly scope: Scope.Scope
  private readonly hand: (chunk: Chunk) => Effect.Effect<void>

  constructor(scope: Scope.Scope, hand: (chunk: Chunk) => Effect.Effect<void>) {
    this.scope = scope
    this.hand = hand
  }

  take(chunk: Chunk): Effect.Effect<void, Malformed> {
    return Effect.suspend(() => {
      const stream = this.last.get(chunk.requestId) ?? { fiber: null, waiting: 0 }
      // one may have acknowledged and not come to its end
      if (stream.waiting >= 2) return new Malformed({ reason: "elements that were not asked for" })
      this.last.set(chunk.requestId, stream)
      stream.waiting++
      const before = stream.fiber
      const handed = Effect.andThen(before === null ? Effect.void : Fiber.await(before), this.hand(chunk))
      const done = Effect.sync(() => {
        if (--stream.waiting === 0) this.last.delete(chunk.requestId)
      })
      return Effect.map(Effect.forkIn(Effect.ensuring(Effect.ignoreCause(handed), done), this.scope), (fiber) => {
        stream.fiber = fiber
      })
    })
  }
}
