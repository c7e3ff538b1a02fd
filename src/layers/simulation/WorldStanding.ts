/**
 * What is said of peers that do not come to one state: what each holds, to whom it is connected, and what keeps it, in a line.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { decodeFeed, feedKeys } from "../../schema/echo/FeedRecords.ts"
import { decodeTicket } from "../../schema/echo/Space.ts"
import { counted } from "../../schema/simulation/Report.ts"
import { Peer } from "../../services/peer/Peer.ts"
import type { Shared } from "../../services/simulation/Trial.ts"
import type { SimulatedPeer } from "../../services/simulation/World.ts"

/** Feeds that are told of one peer, by the first letters of their ids. */
const feedsMax = 8
const lettersOfFeed = 4

/** Who stands still or is down is not waited for. */
const soon = <A, E>(asking: Effect.Effect<A, E>): Effect.Effect<Option.Option<A>> =>
  Effect.map(Effect.timeoutOption(Effect.option(asking), "1 second"), Option.flatten)

/** A line about each. */
export const standing = (shared: Shared, peers: ReadonlyArray<SimulatedPeer>): Effect.Effect<string> =>
  Effect.gen(function* () {
    const devices = new Map<string, string>()
    for (const peer of peers) {
      const device = yield* soon(peer.run(Effect.map(Peer, ({ device }) => device)))
      if (Option.isSome(device)) devices.set(device.value, peer.name)
    }
    const lines = yield* Effect.forEach(peers, (peer) => lineOf(shared, peer, devices))
    return ["peers have not come to one state in time", ...lines].join("\n")
  })

const lineOf = (shared: Shared, peer: SimulatedPeer, devices: ReadonlyMap<string, string>): Effect.Effect<string> =>
  Effect.gen(function* () {
    const holds = `${peer.name} holds ${yield* heldOn(shared, peer)}`
    const status = Option.flatten(yield* soon(shared.in(peer, (space) => Stream.runHead(space.status))))
    if (Option.isNone(status)) return `${holds}, and does not answer`
    const { connected, stuck } = status.value
    const others = connected.map((device) => devices.get(device) ?? device.slice(0, lettersOfFeed)).join(", ")
    return `${holds}; connected to ${others || "nobody"}${stuck.length === 0 ? "" : `; stuck: ${stuck.join(", ")}`}`
  })

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()

/** Its feeds and their lengths, as its disk shows them. */
const heldOn = ({ ticket }: Shared, { disk }: SimulatedPeer): Effect.Effect<string> =>
  Effect.gen(function* () {
    const space = new Uint8Array(Result.getOrThrow(decodeTicket(ticket, sha256)).space)
    const entries = yield* disk.range({ ...feedKeys(space, null), limit: 1_000 })
    const feeds = entries.map(({ key, value }) => {
      // space and kind stand before the feed's own name
      const name = Base64Url.encode(key.subarray(34)).slice(0, lettersOfFeed)
      const feed = decodeFeed(value)
      return `${name} ${Result.isSuccess(feed) ? feed.success.length : "broken"}`
    })
    const more = feeds.length > feedsMax ? ` and ${counted(feeds.length - feedsMax, "feed")} more` : ""
    return `${feeds.slice(0, feedsMax).join(", ") || "nothing"}${more}`
  }).pipe(Effect.catch((error) => Effect.succeed(`what cannot be read (${error.message})`)))
