/**
 * Answers the calls of one device to the actors of one name, on a channel that it opened: an effect/rpc server for each channel.
 *
 * A call is judged before the actor hears of it: its shape, who may make it, and whether the actor lives here at all. Whatever a device
 * sends ends that call or that channel, and touches nobody else.
 */

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Rpc from "effect/rpc/Rpc"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Stream from "effect/Stream"
import { callsMax } from "../../schema/platform/Limits.ts"
import { ActorCrashed, type ActorRef, ActorStopped, CallRefused, MailboxFull } from "../../services/actor/ActorRef.ts"
import { Callers } from "../../services/actor/Callers.ts"
import type { Channel, ConnectionClosed } from "../../services/mesh/Connection.ts"
import { ActorAnswers, crashText } from "./ActorAnswers.ts"
import { isStreaming } from "./ActorChannel.ts"
import { callHeaders, codecFor, type Group, Malformed, readFromClient } from "./ActorWire.ts"

export interface ServingOptions {
  readonly actor: string
  readonly group: Group
  /** The actor of an address, or null when it does not live here. */
  readonly find: (address: string) => ActorRef | null
}

/** Serves a channel until it is closed. */
export const serving = (options: ServingOptions, channel: Channel, device: string): Effect.Effect<void, ConnectionClosed> =>
  Effect.gen(function* () {
    const answers = new ActorAnswers(channel)
    const { receive, service } = yield* protocolOf(answers, channel)
    const server = RpcServer.make(options.group, { disableFatalDefects: true, disableTracing: true }).pipe(
      Effect.provideService(RpcServer.Protocol, service),
      Effect.provideContext(handlersOf(options, answers, device))
    ) as Effect.Effect<never>
    const reading = Effect.forever(Effect.flatMap(channel.take, receive)).pipe(
      Effect.catchTag("Malformed", ({ reason }) => channel.close("protocol error", reason))
    )
    yield* Effect.raceFirst(server, reading)
  })

const protocolOf = Effect.fnUntraced(function* (answers: ActorAnswers, channel: Channel) {
  const disconnects = yield* Queue.bounded<number>(1)
  let write: (client: number, message: RpcMessage.FromClientEncoded) => Effect.Effect<void> = () => Effect.void
  const service = yield* RpcServer.Protocol.make((received) => {
    write = received
    return Effect.succeed({
      disconnects,
      send: (_client, message) => answers.send(message),
      end: () => Effect.void,
      clientIds: Effect.succeed(new Set([0])),
      initialMessage: Effect.succeed(Option.none()),
      supportsAck: true,
      supportsTransferables: false,
      supportsSpanPropagation: false,
      supportsNotifications: false,
      codecFor
    })
  })
  const receive = Effect.fnUntraced(function* (bytes: Uint8Array) {
    const message = yield* readFromClient(bytes)
    const reason = answers.judge(message, bytes.length)
    if (reason !== null) return yield* new Malformed({ reason })
    if (message._tag === "Ack" && answers.isPart(message.requestId)) return
    yield* write(0, message as RpcMessage.FromClientEncoded)
  })
  // the server waits for its calls to end, and these for answers to be taken, by a caller who may take none
  const run: typeof service.run = (f) => Effect.ensuring(service.run(f), channel.close("done"))
  return { service: { ...service, run }, receive }
})

type Handler = (payload: unknown, call: { readonly headers: Headers.Headers }) => unknown

/** What effect/rpc looks up for each Rpc, as `RpcGroup.toHandlers` makes it for Rpcs whose types are known. */
const handlersOf = (options: ServingOptions, answers: ActorAnswers, device: string): Context.Context<unknown> => {
  const handlers = new Map<string, Omit<Rpc.Handler<string>, "_">>()
  for (const rpc of options.group.requests.values()) {
    const handler = handlerOf(options, answers, rpc, device) as Rpc.Handler<string>["handler"]
    handlers.set(rpc.key, { tag: rpc._tag, handler, context: Context.empty() })
  }
  return Context.makeUnsafe(handlers)
}

const handlerOf = ({ actor, find }: ServingOptions, answers: ActorAnswers, rpc: Rpc.Any, device: string): Handler => {
  const { _tag: tag, annotations } = rpc as Rpc.AnyWithProps
  const mayCall = Context.get(annotations, Callers)
  const asked: (...call: Parameters<Handler>) => Effect.Effect<unknown, unknown> = Effect.fnUntraced(function* (
    payload,
    { headers }
  ) {
    const { address, command } = yield* Effect.orDie(callHeaders(headers))
    const name = `${actor}/${address}`
    if (!mayCall({ device, address, tag, payload })) return yield* new CallRefused({ actor: name, tag })
    const ref = find(address)
    if (ref === null) return yield* new ActorStopped({ actor: name, reason: "unknown" })
    if (answers.isFull) return yield* new MailboxFull({ actor: name, capacity: callsMax })
    // who asks gives up by himself
    const timeout = Number.POSITIVE_INFINITY
    return yield* ref.ask(tag, payload, command === undefined ? { timeout } : { timeout, command, caller: device })
  }, Effect.mapError(withoutCause))
  if (!isStreaming(rpc)) return asked
  return (payload, call) =>
    Stream.mapError(Stream.unwrap(asked(payload, call) as Effect.Effect<Stream.Stream<unknown, unknown>, unknown>), withoutCause)
}

/** What a crash has to say of this device's insides stays here. */
const withoutCause = (error: unknown): unknown =>
  error instanceof ActorCrashed ? new ActorCrashed({ actor: error.actor, cause: crashText }) : error
