/**
 * A fault of a plan: what breaks, of whom, when, and for how long. Self-contained, so that any of them can be cut from a plan and the rest
 * stays what it was.
 */
import * as Schema from "effect/Schema"

/** All kinds, in the order in which reports list them. */
export const kinds = [
  "crash",
  "powerLoss",
  "crashBeforeSync",
  "restartStorm",
  "freeze",
  "sleep",
  "partition",
  "partialPartition",
  "oneWay",
  "reset",
  "slowLink",
  "clog",
  "corruptFrame",
  "signalingDown",
  "signalingForget",
  "signalingSlow",
  "signalingCareless",
  "slowDisk",
  "fullDisk",
  "bitRot",
  "rollback",
  "clone",
  "clockSkew",
  "clockDrift",
  "clockJump"
] as const
export type Kind = (typeof kinds)[number]

/** What of it a disk keeps when its machine loses power. */
export const Left = Schema.Literals(["kept", "lost", "cut", "torn"])

export const Fault = Schema.Struct({
  /** Unlike that of any other event, and the same whatever else the plan holds. */
  id: Schema.String,
  /** Milliseconds of virtual time since the trouble began. */
  at: Schema.Int,
  kind: Schema.Literals(kinds),
  /** The peer that it is about; one of those for which it matters little. */
  peer: Schema.String,
  /** The other end, of what is about two. */
  other: Schema.optionalKey(Schema.String),
  /** One side of a partition; the rest is the other one. */
  side: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Milliseconds until it is over; 0 for what is momentary. */
  lasts: Schema.Int,
  /** How much: milliseconds of delay, skew or jump, millionths of drift, frames to corrupt, one in so many signals, starts of a storm. */
  amount: Schema.optionalKey(Schema.Int),
  left: Schema.optionalKey(Left)
})
export type Fault = typeof Fault.Type

const seconds = (millis: number): string => `${Math.round(millis / 10) / 100} s`

const lefts: { readonly [left in typeof Left.Type]: string } = {
  kept: "its disk keeps all",
  lost: "its disk loses what was not synced",
  cut: "its disk keeps the first of what was not synced",
  torn: "its disk keeps any of what was not synced"
}

/** A fault as people read it. */
export const faultText = (fault: Fault): string => {
  const { amount = 0, kind, lasts, left, other = "", peer, side = [] } = fault
  const disk = left === undefined ? "" : `, ${lefts[left]}`
  const during = lasts > 0 ? ` for ${seconds(lasts)}` : ""
  switch (kind) {
    case "crash":
      return `${peer} is killed, down${during}`
    case "powerLoss":
      return `${peer} loses power, down${during}${disk}`
    case "crashBeforeSync":
      return `${peer} loses power at its next sync, down${during}${disk}`
    case "restartStorm":
      return `${peer} is killed and started ${amount} times${during}`
    case "freeze":
    case "sleep":
      return `${peer} stands still${during}`
    case "partition":
      return `${side.join(", ")} cut off from the rest${during}`
    case "partialPartition":
      return `${peer} and ${other} cut off from each other${during}`
    case "oneWay":
      return `nothing from ${peer} to ${other}${during}`
    case "reset":
      return `connections of ${peer} reset`
    case "slowLink":
      return `${peer} to ${other} ${amount} ms slower${during}`
    case "clog":
      return `${peer} to ${other} clogged${during}`
    case "corruptFrame":
      return `${amount} frames from ${peer} to ${other} corrupted`
    case "signalingDown":
      return `signaling down${during}`
    case "signalingForget":
      return "signaling forgets who is there"
    case "signalingSlow":
      return `signaling ${amount} ms slower${during}`
    case "signalingCareless":
      return `signaling loses or doubles one signal in ${amount}${during}`
    case "slowDisk":
      return `disk of ${peer} ${amount} ms slower${during}`
    case "fullDisk":
      return `disk of ${peer} full${during}`
    case "bitRot":
      return `a bit flips on the disk of ${peer}`
    case "rollback":
      return `disk of ${peer} put back to what it was ${seconds(lasts)} before`
    case "clone":
      return `a copy of ${peer} is started as ${other}`
    case "clockSkew":
      return `clock of ${peer} ${amount} ms off${during}`
    case "clockDrift":
      return `clock of ${peer} drifts by ${amount} millionths${during}`
    default:
      return `clock of ${peer} jumps by ${amount} ms`
  }
}
