/**
 * How two devices prove to each other that they are members, on a channel of format version 0: pure steps over bytes.
 *
 * Each end sends Hello, then Auth; signing and verifying are asked for as data, since keys never come here. It is not safe against
 * a relay in the middle (docs/security.md); version 1 binds it to an encrypted session. docs/format.md#handshake
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { decodeWith, equalBytes, Writer } from "../platform/Codec.ts"

/** What an end knows before it begins. `isInitiator`: it opened the channel. */
export interface Setup {
  readonly isInitiator: boolean
  readonly space: Uint8Array
  readonly device: Uint8Array
  /** 32 random bytes, new for each handshake. */
  readonly nonce: Uint8Array
  readonly isMember: (device: Uint8Array) => boolean
  readonly hash: (bytes: Uint8Array) => Uint8Array
}

/** What the other end said in its Hello, and what either end has to sign. */
export interface Met {
  readonly device: Uint8Array
  /** What this device signs for its Auth, and what the other must have signed in its own. */
  readonly toSign: Uint8Array
  readonly toVerify: Uint8Array
}

export const refusals = ["not a member", "the same device", "another version"] as const
export type RefusalReason = (typeof refusals)[number]

/** No channel between these two. `reply` is what to tell the other end, when it does not know. */
export class HandshakeRefused extends Data.TaggedError("HandshakeRefused")<{
  readonly reason: RefusalReason | "malformed" | "wrong signature"
  readonly reply: Uint8Array | null
}> {
  override get message() {
    return this.reply === null
      ? `the other device ended the handshake or broke it: ${this.reason}`
      : `the other device was refused: ${this.reason}`
  }
}

/** The first message of either end. */
export const hello = ({ device, nonce }: Setup): Uint8Array => new Writer().array(3).int(0).bytes(nonce).bytes(device).finish()

/** Takes the other's Hello. */
export const onHello = (setup: Setup, message: Uint8Array): Result.Result<Met, HandshakeRefused> => {
  const read = decodeWith(message, (from) => {
    const length = from.array(16)
    const type = from.uint(255)
    if (type === 2 && length === 2) return refusals[from.uint(255)] ?? "another version"
    if (type !== 0 || length !== 3) from.fail("no Hello")
    return { nonce: from.fixed(32).slice(), device: from.fixed(32).slice() }
  })
  if (Result.isFailure(read)) return refused("malformed", null)
  if (typeof read.success === "string") return refused(read.success, null)
  const { device, nonce } = read.success
  if (equalBytes(device, setup.device)) return refused("the same device", refuse("the same device"))
  if (!setup.isMember(device)) return refused("not a member", refuse("not a member"))
  const [own, other] = [
    { nonce: setup.nonce, device: setup.device },
    { nonce, device }
  ]
  const [initiator, responder] = setup.isInitiator ? [own, other] : [other, own]
  const proof = (role: number) => {
    const to = new Writer().array(6).int(role).bytes(setup.space)
    return signed(
      to.bytes(initiator.nonce).bytes(responder.nonce).bytes(initiator.device).bytes(responder.device).finish(),
      setup.hash
    )
  }
  const role = setup.isInitiator ? 0 : 1
  return Result.succeed({ device, toSign: proof(role), toVerify: proof(1 - role) })
}

/** The second message: a signature over `toSign`. */
export const auth = (signature: Uint8Array): Uint8Array => new Writer().array(2).int(1).bytes(signature).finish()

/** Takes the other's Auth: its signature, which has to be verified over `toVerify`. */
export const onAuth = (message: Uint8Array): Result.Result<Uint8Array, HandshakeRefused> => {
  const read = decodeWith(message, (from) => {
    from.tuple(2)
    const type = from.uint(255)
    if (type === 2) return refusals[from.uint(255)] ?? "another version"
    if (type !== 1) from.fail("no Auth")
    return from.fixed(64).slice()
  })
  if (Result.isFailure(read)) return refused("malformed", null)
  return typeof read.success === "string" ? refused(read.success, null) : Result.succeed(read.success)
}

/** Longer messages than this belong to no handshake. */
export const handshakeBytesMax = 256

const refused = (reason: HandshakeRefused["reason"], reply: Uint8Array | null) =>
  Result.fail(new HandshakeRefused({ reason, reply }))

const refuse = (reason: RefusalReason): Uint8Array => new Writer().array(2).int(2).int(refusals.indexOf(reason)).finish()

const utf8 = new TextEncoder()
const idLabel = utf8.encode("halo/peer-auth/v0\0")
const signatureLabel = utf8.encode("halo/peer-auth-sig/v0\0")

/** `label || id(label, bytes)`: what a signature is over. */
const signed = (bytes: Uint8Array, hash: Setup["hash"]): Uint8Array => concat(signatureLabel, hash(concat(idLabel, bytes)))

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
