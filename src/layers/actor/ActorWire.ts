/**
 * What two devices say about the actors of one name: effect/rpc, each message JSON in a frame of its own (docs/format.md#actor-calls).
 *
 * The Rpcs of an actor, with the errors that a call may have beside its own; the address and the command of a call as headers; and the
 * shapes of messages, by which everything from outside is judged before effect/rpc sees it.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import * as RpcSchema from "effect/rpc/RpcSchema"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import { actorNameBytesMax } from "../../schema/platform/Limits.ts"
import { ActorCrashed, ActorStopped, CallRefused, MailboxFull, MessageDropped, NotKept } from "../../services/actor/ActorRef.ts"
import { Callers } from "../../services/actor/Callers.ts"

/** What a call may fail with beside the errors of its Rpc; the rest are known to the caller's own device alone. */
const CallError = Schema.Union([ActorStopped, ActorCrashed, MailboxFull, MessageDropped, CallRefused, NotKept])
export type CallError = typeof CallError.Type

export type Group = RpcGroup.RpcGroup<Rpc.Any>

/** The Rpcs of an actor as they are called from afar. */
export const groupOf = (rpcs: ReadonlyArray<Rpc.Any>): Group => RpcGroup.make(...rpcs.map(callable))

/** It is declared with the Rpc who may call it, and that stays with it. */
const callable = (rpc: Rpc.Any): Rpc.Any => {
  const { annotations, errorSchema, payloadSchema, successSchema } = rpc as Rpc.AnyWithProps
  const [payload, error, mayCall] = [payloadSchema as Schema.Top, errorSchema as Schema.Top, Context.get(annotations, Callers)]
  if (!RpcSchema.isStreamSchema(successSchema)) {
    const success = successSchema as Schema.Top
    return Rpc.make(rpc._tag, { payload, success, error: Schema.Union([CallError, error]) }).annotate(Callers, mayCall)
  }
  const errors = Schema.Union([CallError, error, successSchema.error])
  return Rpc.make(rpc._tag, { payload, success: successSchema.success, error: errors, stream: true }).annotate(Callers, mayCall)
}

/** A name is what can be stored: well-formed, and not too long. */
const isName = (text: string): boolean => text.isWellFormed() && new TextEncoder().encode(text).length <= actorNameBytesMax
const Name = Schema.String.check(Schema.makeFilter(isName))

/** Whom a call is for, and what it is named by. Header names are lower case in effect/rpc. */
const CallHeaders = Schema.Struct({ address: Name, command: Schema.optionalKey(Name) })
export type CallHeaders = typeof CallHeaders.Type
export const callHeaders = Schema.decodeUnknownEffect(CallHeaders)

const id = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const FromClient = Schema.Union([
  Schema.Struct({
    _tag: Schema.tag("Request"),
    id,
    tag: Schema.String,
    payload: Schema.Unknown,
    headers: Schema.Array(Schema.Tuple([Schema.String, Schema.String])).check(Schema.isMaxLength(8))
  }),
  Schema.Struct({ _tag: Schema.tag("Ack"), requestId: id }),
  Schema.Struct({ _tag: Schema.tag("Interrupt"), requestId: id })
])
const FromServer = Schema.Union([
  Schema.Struct({ _tag: Schema.tag("Chunk"), requestId: id, values: Schema.NonEmptyArray(Schema.Unknown) }),
  Schema.Struct({ _tag: Schema.tag("Exit"), requestId: id, exit: Schema.Unknown })
])

export type FromClient = typeof FromClient.Type
export type FromServer = typeof FromServer.Type

export const { codecFor } = RpcSerialization.json

/** As JSON has them: what is undefined is left out. */
export const encode = (message: RpcMessage.FromClientEncoded | RpcMessage.FromServerEncoded): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(message))

const reader = <A>(schema: Schema.Codec<A, unknown>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (bytes: Uint8Array): Effect.Effect<A, Malformed> =>
    Effect.suspend(() => {
      let json: unknown
      try {
        json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
      } catch {
        return Effect.fail(new Malformed({ reason: "not JSON" }))
      }
      const read = decode(json)
      return Result.isSuccess(read) ? Effect.succeed(read.success) : Effect.fail(new Malformed({ reason: "not a message" }))
    })
}

/** What came is no message: the channel is closed for it. */
export class Malformed extends Data.TaggedError("Malformed")<{ readonly reason: string }> {}

export const readFromClient = reader(FromClient as Schema.Codec<FromClient, unknown>)
export const readFromServer = reader(FromServer as Schema.Codec<FromServer, unknown>)
