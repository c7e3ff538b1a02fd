/**
 * A frame on the machine of a connection: the peer has told of three feeds, was asked for them, and then says something wrong.
 *
 * What the machine asks for is answered with what the FeedStore has answered, and afterwards a run of another feed comes.
 */
import * as Result from "effect/Result"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { step } from "../../src/schema/echo/Replication.ts"
import { decodeMessage, type Message, markOf } from "../../src/schema/echo/ReplicationMessage.ts"
import { type Event, ReplicationState, Sources } from "../../src/schema/echo/ReplicationState.ts"
import { alice, bob, dataOfC, feedA, feedB, feedC } from "./corpus.ts"
import type { Device, Outcome } from "./product.ts"
import { hashOf } from "./product.ts"

const messageOf = (frame: Uint8Array): Message | null => {
  const message = decodeMessage(frame)
  return Result.isSuccess(message) ? message.success : null
}

const told: Message = {
  _tag: "Have",
  feeds: [feedA, feedB, feedC].map(({ publicKey }) => ({
    feed: publicKey,
    length: 100,
    mark: new Uint8Array(16)
  }))
}
const runOfC = messageOf(dataOfC)!

/** What is said about a feed or a whole connection may end it; runs, proofs and what is wanted never do. */
const mayClose: ReadonlyArray<Message["_tag"]> = ["Summary", "Manifest", "Refuse"]

/** Says the frame to a connection of the device. Answers what went wrong with the connection, or null. */
export const say = (device: Device, frame: Uint8Array, outcome: Outcome): string | null => {
  const state = new ReplicationState({
    hash: hashOf,
    self: alice.publicKey,
    peer: bob.publicKey,
    feeds: device.feeds.list().map(({ frozenAt, id, length, manifest, root, text }) => ({
      feed: id,
      text,
      author: feedText(manifest.device),
      length,
      mark: markOf(root, frozenAt)
    })),
    sources: new Sources(),
    manifest: () => null,
    frontierHash: () => new Uint8Array(32),
    now: 0
  })
  const happens = (event: Event) => step(state, event, 1_000)
  happens({ _tag: "Received", message: told })
  happens({ _tag: "Writable" })
  const message = messageOf(frame)
  const { actions } = happens(message === null ? { _tag: "Garbled", reason: "no message" } : { _tag: "Received", message })
  const refusal = outcome.accepted ? null : outcome.name
  for (const action of actions) {
    if (action._tag === "Ingest") {
      happens({ _tag: "Ingested", feed: action.feed, end: action.run.head.length, added: 1, refusal })
    } else if (action._tag === "Admit") happens({ _tag: "Admitted", feed: action.feed, isRefused: !outcome.accepted })
    else if (action._tag === "KeepFork") happens({ _tag: "ForkKept", feed: action.feed, refusal })
  }
  const { actions: last, messages } = happens({ _tag: "Writable" })
  if (state.closing !== null) {
    if (message !== null && !mayClose.includes(message._tag)) return `a ${message._tag} closes the connection: ${state.closing}`
    const isTold = message?._tag === "Refuse" || messages.some((each) => each._tag === "Refuse" && each.feed === null)
    return isTold && last.some((action) => action._tag === "Close") ? null : "the connection closes without a word"
  }
  if (message === null) return "a frame that is no message leaves the connection open"
  const goesOn = happens({ _tag: "Received", message: runOfC }).actions.some((action) => action._tag === "Ingest")
  return goesOn ? null : "the other feed does not go on"
}
