/**
 * What goes back on a channel of calls, and how much of it may be under way: a call counts until its last word is with the caller.
 *
 * Elements of a stream are sent as they come, in messages that stay small; the next one waits until the caller has taken the one before.
 * What broke here is told without what it says.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import { callBytesMax, callsMax, messageBytesMax } from "../../schema/platform/Limits.ts"
import type { Channel } from "../../services/mesh/Connection.ts"
import { encode, type FromClient } from "./ActorWire.ts"

/** What a caller on another device is told of a defect. */
export const crashText = "a defect, told where it lives"

/** Elements of a stream in one message, and their bytes unless one alone has more. */
const chunkMax = 16
const chunkBytesMax = 65_536

type Chunk = Extract<RpcMessage.FromServerEncoded, { readonly _tag: "Chunk" }>
type Exit = Extract<RpcMessage.FromServerEncoded, { readonly _tag: "Exit" }>

export class ActorAnswers {
  /** The bytes of each call that is under way. */
  private readonly open = new Map<number, number>()
  private bytes = 0
  /** Streams of which a chunk is sent in parts, and the caller's word for the part that went last. */
  private readonly parts = new Map<number, Deferred.Deferred<void>>()
  private readonly channel: Channel

  constructor(channel: Channel) {
    this.channel = channel
  }

  /** Whether calls of this channel hold so much that another one is refused. */
  get isFull(): boolean {
    return this.bytes > callBytesMax
  }

  /** Why a message breaks the rules, or null. A caller that keeps them has `callsMax` under way, and as many that were given up. */
  judge(message: FromClient, bytes: number): string | null {
    if (message._tag !== "Request") return null
    if (this.open.has(message.id)) return "a call with the id of another"
    this.open.set(message.id, bytes)
    this.bytes += bytes
    return this.open.size > 2 * callsMax ? "too many calls" : null
  }

  /** Whether the acknowledgement is for a part of a chunk, and told to who sends the next one. */
  isPart(id: number): boolean {
    const sent = this.parts.get(id)
    return sent !== undefined && Deferred.doneUnsafe(sent, Effect.void)
  }

  readonly send = (message: RpcMessage.FromServerEncoded): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (message._tag === "Chunk") return this.sendParts(message.requestId as number, partsOf(message))
      if (message._tag !== "Exit") return this.transfer(message)
      const id = message.requestId as number
      // its room is free when it is out, however that ends; a reply that is too large has another one after it
      return Effect.tap(this.transfer(withoutDefects(message)), () => Effect.sync(() => this.end(id)))
    })

  private end(id: number): void {
    this.bytes -= this.open.get(id) ?? 0
    this.open.delete(id)
  }

  private transfer(message: RpcMessage.FromServerEncoded): Effect.Effect<void> {
    const bytes = encode(message)
    if (bytes.length > messageBytesMax)
      return Effect.die(new Error(`a reply of ${bytes.length} bytes exceeds the ${messageBytesMax} of a message`))
    // whoever closed the channel wants no answer
    return Effect.ignore(this.channel.send(bytes))
  }

  /** The acknowledgement of the last part is the chunk's own. */
  private sendParts(id: number, parts: ReadonlyArray<Chunk>): Effect.Effect<void> {
    return Effect.forEach(
      parts,
      (part, i) => {
        if (i === parts.length - 1) return this.transfer(part)
        const taken = Deferred.makeUnsafe<void>()
        return Effect.ensuring(
          Effect.andThen(
            Effect.sync(() => this.parts.set(id, taken)),
            Effect.andThen(this.transfer(part), Deferred.await(taken))
          ),
          Effect.sync(() => this.parts.delete(id))
        )
      },
      { discard: true }
    )
  }
}

/** A chunk as one or more of at most `chunkMax` elements and, but for a single one, `chunkBytesMax`. */
const partsOf = (chunk: Chunk): ReadonlyArray<Chunk> => {
  const { requestId, values } = chunk
  if (values.length === 1) return [chunk]
  const parts: Array<Array<unknown>> = []
  let bytes = Number.POSITIVE_INFINITY
  for (const value of values) {
    const length = JSON.stringify(value)?.length ?? 0
    const last = parts[parts.length - 1]
    if (last === undefined || last.length === chunkMax || bytes + length > chunkBytesMax) {
      parts.push([value])
      bytes = length
    } else {
      last.push(value)
      bytes += length
    }
  }
  return parts.map(([first, ...others]) => ({ _tag: "Chunk", requestId, values: [first, ...others] }))
}

const withoutDefects = (message: Exit): Exit => {
  const { exit, requestId } = message
  if (exit._tag === "Success") return message
  const cause = exit.cause.map((reason) => (reason._tag === "Die" ? ({ _tag: "Die", defect: crashText } as const) : reason))
  return { _tag: "Exit", requestId, exit: { _tag: "Failure", cause } }
}
