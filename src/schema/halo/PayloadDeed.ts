/**
 * What Membership has to know of a payload: its deed, with keys and ids as text.
 */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { decodeForkProof, decodeManifest } from "../echo/Feed.ts"
import type { Certificate } from "./Certificate.ts"
import type { Deed, FeedPoint, Subject } from "./Operation.ts"
import type { Payload, SeenFeed } from "./Payload.ts"

const text = (bytes: Uint8Array): string => Base64Url.encode(bytes)

const nullable = (bytes: Uint8Array | null): string | null => (bytes === null ? null : text(bytes))

const subjectOf = ({ device, identity, recovery }: Certificate): Subject => ({
  identity: text(identity),
  recovery: text(recovery),
  device: text(device)
})

const pointsOf = (feeds: ReadonlyArray<SeenFeed>): ReadonlyArray<FeedPoint> =>
  feeds.map(({ counter, feed }) => ({ feed: text(feed), counter }))

export const deedOf = (payload: Payload): Deed => {
  switch (payload.type) {
    case "Genesis":
      return { type: "Genesis", subject: subjectOf(payload.certificate), isLocked: payload.isLocked }
    case "Admit":
      return { type: "Admit", subject: subjectOf(payload.certificate), role: payload.role }
    case "Redeem": {
      const { certificate, host, hostProof, role } = payload
      return { type: "Redeem", subject: subjectOf(certificate), role, host: text(host), hostProof: text(hostProof) }
    }
    case "AddDevice":
      return { type: "AddDevice", device: text(payload.device) }
    case "Invite":
      return { type: "Invite", key: text(payload.key), role: payload.role, hosts: payload.hosts }
    case "RevokeInvite":
    case "CloseInvite":
      return { type: payload.type, invite: text(payload.invite) }
    case "SetPolicy":
      return { type: "SetPolicy", isLocked: payload.isLocked }
    case "Leave":
    case "KeyRotate":
    case "KeyWrap":
      return { type: payload.type }
    case "Unknown":
      return { type: "Unknown", number: payload.number }
    default:
      return deedOnFeeds(payload)
  }
}

type OnFeeds = Payload & { readonly type: "RemoveDevice" | "Cap" | "AdmitFeed" | "Endorse" | "ForkProof" }

const deedOnFeeds = (payload: OnFeeds): Deed => {
  switch (payload.type) {
    case "RemoveDevice": {
      const { device, frontier, identity, type, voidFrom } = payload
      return { type, identity: text(identity), device: text(device), frontier: pointsOf(frontier), voidFrom: nullable(voidFrom) }
    }
    case "Cap": {
      const { frontier, identity, maxRole, type, voidFrom } = payload
      return { type, identity: text(identity), maxRole, frontier: pointsOf(frontier), voidFrom: nullable(voidFrom) }
    }
    case "AdmitFeed": {
      const { device, feed } = Result.getOrThrow(decodeManifest(payload.manifest))
      return { type: "AdmitFeed", feed: text(feed), device: text(device) }
    }
    case "Endorse":
      return { type: "Endorse", feeds: pointsOf(payload.feeds) }
    case "ForkProof": {
      const { feed, index } = Result.getOrThrow(decodeForkProof(payload.proof))
      return { type: "ForkProof", feed: text(feed), index }
    }
  }
}
