/**
 * Calls to the actors of one name on another device: an effect/rpc client over a channel that is opened by the first call.
 *
 * When the channel ends, so do all calls on it, each with whether it had left; the next call opens another.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
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
import { type CallHeaders, codecFor, encode, type Group, readFromServer } from "./ActorWire.ts"

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
  isClosed: boolean
}

export class ActorLine {
  readonly device: string
  private readonly options: LineOptions
  private readonly opening = Semaphore.makeUnsafe(1)
  private readonly permits = Semaphore.makeUnsafe(callsMax)
  private opened: Opened | null = null

  constructor(options: LineOptions) {
    this.options = options
    this.device = options.device
  }

  /** Calls, when one of `callsMax` is free. `left` is told once it is on its way. */
  ask(tag: string, payload: unknown, headers: CallHeaders, left: () => void): Effect.Effect<unknown, unknown> {
    return this.permits.withPermits(1)(
      Effect.flatMap(this.client(headers), ({ call }) => {
        left()
        const asked = call(tag, payload, { headers }) as Effect.Effect<unknown, unknown>
        return Effect.catchCause(asked, (cause) => Effect.failCause(this.judged(cause, headers)))
      })
    )
  }

  stream(tag: string, payload: unknown, headers: CallHeaders): Stream.Stream<unknown, unknown> {
    const permit = Effect.acquireRelease(this.permits.take(1), () => this.permits.release(1))
    return Stream.unwrap(
      Effect.map(Effect.andThen(permit, this.client(headers)), ({ call }) => {
        const pulled = call(tag, payload, { headers }) as Stream.Stream<unknown, unknown>
        return Stream.catchCause(pulled, (cause) => Stream.failCause(this.judged(cause, headers)))
      })
    )
  }

  private client({ address }: CallHeaders): Effect.Effect<Opened, ActorUnreachable> {
    return this.opening.withPermits(1)(
      Effect.suspend(() =>
        this.opened !== null && !this.opened.isClosed
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
    const opened: Opened = { call: () => Effect.never, isClosed: false }
    const { receive, service } = yield* protocolOf(channel, opened)
    let calls = 0
    const generateRequestId = () => calls++ as RpcMessage.RequestId
    const making = RpcClient.make(group, { flatten: true, disableTracing: true, generateRequestId })
    const client: (...call: never) => unknown = yield* making.pipe(
      Effect.provideService(RpcClient.Protocol, service),
      Scope.provide(own)
    )
    const reading = Effect.ensuring(receive, Scope.close(own, Exit.void))
    yield* Effect.forkIn(reading, scope)
    this.opened = Object.assign(opened, { call: client as Call })
    return this.opened
  }).pipe(Effect.uninterruptible)

  /** The errors of the call's own Rpc stay as they are; what the channel or the other end broke gets a name. */
  private judged(cause: Cause.Cause<unknown>, { address }: CallHeaders): Cause.Cause<unknown> {
    const error = Cause.squash(cause)
    if (error instanceof RpcClientError) {
      const { cause: broken } = error.reason as RpcClientDefect
      if (broken === "size") return Cause.fail(this.unreachable(address, "size", false))
      const { reason, isUnsent } = broken as Broken
      const isAbsent = reason === "no such channel"
      return Cause.fail(this.unreachable(address, isAbsent ? "absent" : "disconnected", !isAbsent && !isUnsent))
    }
    if (Cause.hasInterruptsOnly(cause)) return Cause.fail(this.unreachable(address, "disconnected", true))
    if (!Cause.hasDies(cause)) return cause
    return Cause.fail(new ActorCrashed({ actor: `${this.options.actor}/${address}`, cause: String(error) }))
  }
}

interface Broken {
  readonly reason: ConnectionClosed["reason"]
  readonly isUnsent: boolean
}

const broken = (cause: Broken | "size"): RpcClientError =>
  new RpcClientError({ reason: new RpcClientDefect({ message: "the channel", cause }) })

const protocolOf = Effect.fnUntraced(function* (channel: Channel, opened: Opened) {
  let receive: Effect.Effect<void> = Effect.void
  const service = yield* RpcClient.Protocol.make((write, clients) => {
    const toAll = (message: RpcMessage.FromServerEncoded) =>
      Effect.forEach(clients, (client) => write(client, message), { discard: true })
    receive = channel.take.pipe(
      Effect.flatMap(readFromServer),
      Effect.flatMap((message) => toAll(message as RpcMessage.FromServerEncoded)),
      Effect.forever,
      Effect.tapErrorTag("Malformed", ({ reason }) => channel.close("protocol error", reason)),
      Effect.catch((ended) => {
        opened.isClosed = true
        const reason = ended._tag === "Malformed" ? "protocol error" : ended.reason
        return toAll({ _tag: "ClientProtocolError", error: broken({ reason, isUnsent: false }) })
      })
    )
    return Effect.succeed({
      send: (_client, message) =>
        Effect.suspend(() => {
          const bytes = encode(message)
          if (bytes.length > messageBytesMax) return Effect.fail(broken("size"))
          return Effect.mapError(channel.send(bytes), ({ reason }) => broken({ reason, isUnsent: true }))
        }),
      supportsAck: true,
      supportsTransferables: false,
      codecFor
    })
  })
  return { service, receive }
})
