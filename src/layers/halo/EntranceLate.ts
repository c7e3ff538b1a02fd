/**
 * Hands in what a device wrote when it was no member any more, and takes it in, run by run, after it was told that it is out.
 *
 * One asks and the other answers: a run goes when the one before is stored, so that nothing waits in memory, and what is acknowledged is
 * durable. Whoever is out is told how far its own feeds are here, and nothing else. docs/format.md#control-operations-on-the-wire
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { envelopeBytesMax, type Run } from "../../schema/echo/Feed.ts"
import { feedText } from "../../schema/echo/FeedTable.ts"
import { decodeMessage, encodeMessage } from "../../schema/echo/ReplicationMessage.ts"
import { decodeControl, encodeControl, type FeedLength, isControl } from "../../schema/halo/ControlMessage.ts"
import { entranceSilenceMillisMax, turnBytesMax } from "../../schema/platform/Limits.ts"
import { type Entering, EntranceRefused, type LateFeeds, QuarantineFull } from "../../services/halo/Entrance.ts"
import type { Channel, ConnectionClosed } from "../../services/mesh/Connection.ts"
import type { StorageError } from "../../services/platform/Storage.ts"

type Over = EntranceRefused | ConnectionClosed | StorageError

/** What a run costs of the bytes that are taken, besides its blocks: each is verified. */
const runCost = 1_024

const bytesOf = ({ blocks }: Run): number => blocks.reduce((sum, { length }) => sum + length, runCost)

const over = (reason: string): Effect.Effect<never, EntranceRefused> => Effect.fail(new EntranceRefused({ reason }))

/** Ends it with a word to the other end. */
const refuse = (channel: Channel, farewell: string, reason: string): Effect.Effect<never, EntranceRefused | ConnectionClosed> =>
  Effect.andThen(channel.send(encodeControl({ _tag: "Refuse", reason: farewell })), over(reason))

const next = (channel: Channel): Effect.Effect<Uint8Array, EntranceRefused | ConnectionClosed> =>
  Effect.timeoutOrElse(channel.take, { duration: entranceSilenceMillisMax, orElse: () => over("it says nothing") })

// Who is out ------------------------------------------------------------------------------------------------------------------------

/** Hands in this device's own feeds, as far as they are taken. Ends in any case. */
export const handIn = Effect.fnUntraced(function* ({ channel, device, late }: Entering): Effect.fn.Return<never, Over> {
  const own = late?.own() ?? []
  if (late === undefined || own.length === 0) return yield* refuse(channel, "not a member", "this device is no member any more")
  yield* channel.send(encodeControl({ _tag: "HandIn", feeds: own }))
  const member = Base64Url.encode(device)
  const there = new Map<string, number>()
  for (let isFirst = true; ; isFirst = false) {
    const { bytesLeft, feeds } = yield* held(channel)
    for (const { feed, length } of feeds) {
      there.set(feedText(feed), length)
      late.acknowledged(member, feed, length)
    }
    const run = yield* firstRun(late, own, there, bytesLeft)
    if (run === null || bytesOf(run) > bytesLeft) {
      const isFull = (run !== null && isFirst) || own.some(({ feed }) => !there.has(feedText(feed)))
      late.hindered(member, isFull ? new QuarantineFull({ device: member, isHere: false }).message : null)
      return yield* refuse(channel, "not a member", "this device is out, and has handed in what is taken now")
    }
    yield* channel.send(encodeMessage({ _tag: "Data", run }))
  }
})

const held = Effect.fnUntraced(function* (channel: Channel) {
  const message = Result.getOrElse(decodeControl(yield* next(channel)), () => null)
  if (message?._tag === "Held") return message
  return yield* message?._tag === "Refuse"
    ? over(`it takes no late work: ${message.reason}`)
    : refuse(channel, "malformed", "it does not say what it holds")
})

/** What is lacking of the first feed that is taken and not complete there. */
const firstRun = (late: LateFeeds, own: ReadonlyArray<FeedLength>, there: ReadonlyMap<string, number>, bytesLeft: number) => {
  const short = own.find(({ feed, length }) => (there.get(feedText(feed)) ?? length) < length)
  if (short === undefined) return Effect.succeed(null)
  const most = Math.max(0, Math.min(turnBytesMax, bytesLeft - runCost))
  return late.run(short.feed, there.get(feedText(short.feed))!, most)
}

// Who takes it --------------------------------------------------------------------------------------------------------------------

/** Takes in feeds of a device that is out, within bounds. Ends in any case. */
export const takeIn = Effect.fnUntraced(function* (
  { channel, device, late }: Entering,
  offered: ReadonlyArray<FeedLength>
): Effect.fn.Return<never, Over> {
  if (late === undefined) return yield* refuse(channel, "not a member", "it is no member any more")
  const former = Base64Url.encode(device)
  if (late.allowed(former) < envelopeBytesMax + runCost)
    return yield* refuse(channel, "slow", "it hands in more a minute than is taken")
  let told = yield* late.lengths(former, offered)
  const here = new Map(told.map(({ feed, length }) => [feedText(feed), length]))
  for (;;) {
    const room = yield* late.room
    const left = late.allowed(former)
    yield* channel.send(encodeControl({ _tag: "Held", bytesLeft: Math.max(0, Math.min(left, room)), feeds: told }))
    const run = yield* lateRun(channel)
    if (run === null) {
      const isShort = offered.some(({ feed, length }) => (here.get(feedText(feed)) ?? length) < length)
      const isFull = isShort && room < left
      late.hindered(former, isFull ? new QuarantineFull({ device: former, isHere: true }).message : null)
      return yield* over("it is no member any more, and hands in no more now")
    }
    const bytes = bytesOf(run)
    late.spend(former, bytes)
    if (!here.has(feedText(run.feed))) return yield* refuse(channel, "not a member", "it hands in what is not its own")
    if (bytes > left || bytes > room) return yield* refuse(channel, "greedy", "it hands in more than is taken")
    const length = yield* late
      .keep(run)
      .pipe(Effect.catchTag("RunRefused", ({ message, reason }) => refuse(channel, reason, message)))
    here.set(feedText(run.feed), length)
    told = [{ feed: run.feed, length }]
  }
})

/** What comes next, or null when nothing does. */
const lateRun = Effect.fnUntraced(function* (channel: Channel): Effect.fn.Return<Run | null, EntranceRefused | ConnectionClosed> {
  const frame = yield* next(channel)
  const message = isControl(frame) ? null : Result.getOrElse(decodeMessage(frame), () => null)
  if (message?._tag === "Data") return message.run
  return message?._tag === "Refuse" ? null : yield* refuse(channel, "malformed", "it sent what is no late work")
})
