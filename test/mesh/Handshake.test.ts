/**
 * The handshake as pure steps: members prove themselves, and nobody else gets as far as a signature.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { auth, hello, onAuth, onHello, type Setup } from "../../src/schema/mesh/Handshake.ts"
import { encode, equalBytes } from "../../src/schema/platform/Codec.ts"

const crypto = CryptoNode.make()
const run = Effect.runSync
const space = new Uint8Array(32).fill(5)

const party = (isInitiator: boolean, members?: ReadonlyArray<Uint8Array>) => {
  const pair = run(crypto.generate)
  const setup = (over: Partial<Setup> = {}): Setup => ({
    isInitiator,
    space,
    device: pair.publicKey,
    nonce: run(crypto.random(32)),
    isMember: (device) => members === undefined || members.some((member) => equalBytes(member, device)),
    hash: crypto.hash,
    ...over
  })
  return { pair, setup }
}

const holds = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) =>
  run(crypto.verify([{ publicKey, message, signature }]))[0]!

describe("Handshake", () => {
  it("two members sign what the other verifies, each in its role", () => {
    const [a, b] = [party(true), party(false)]
    const [ours, theirs] = [a.setup(), b.setup()]
    const metB = Result.getOrThrow(onHello(ours, hello(theirs)))
    const metA = Result.getOrThrow(onHello(theirs, hello(ours)))
    assert.deepStrictEqual(metB.device, b.pair.publicKey)
    const signature = Result.getOrThrow(onAuth(auth(run(crypto.sign(a.pair, metB.toSign)))))
    assert.isTrue(holds(metA.device, metA.toVerify, signature))
    assert.isFalse(holds(metB.device, metB.toVerify, signature), "a signature cannot be given back")
    assert.notDeepEqual(metB.toSign, metB.toVerify)
  })

  it("a signature of another space, another nonce or another device does not hold", () => {
    const [a, b] = [party(true), party(false)]
    const theirs = b.setup()
    const ours = a.setup()
    const { toVerify } = Result.getOrThrow(onHello(theirs, hello(ours)))
    for (const other of [
      a.setup({ nonce: ours.nonce, space: new Uint8Array(32) }),
      a.setup(),
      a.setup({ nonce: ours.nonce, isInitiator: false })
    ]) {
      const { toSign } = Result.getOrThrow(onHello(other, hello(theirs)))
      assert.isFalse(holds(a.pair.publicKey, toVerify, run(crypto.sign(a.pair, toSign))))
    }
  })

  it("refuses who is no member, and itself, and says so to them", () => {
    const stranger = party(true)
    const guard = party(false, [])
    const refused = Result.getFailure(onHello(guard.setup(), hello(stranger.setup())))
    const { reason, reply } = refused.valueOrUndefined!
    assert.strictEqual(reason, "not a member")
    const told = onHello(stranger.setup(), reply!)
    assert.strictEqual(Result.isFailure(told) && told.failure.reason, "not a member")
    const toldLate = onAuth(reply!)
    assert.strictEqual(Result.isFailure(toldLate) && toldLate.failure.reason, "not a member")
    const own = onHello(stranger.setup(), hello(stranger.setup()))
    assert.strictEqual(Result.isFailure(own) && own.failure.reason, "the same device")
  })

  it("what is not the message that is due is refused, at any byte", () => {
    const a = party(true)
    const good = hello(party(false).setup())
    const bad = [
      new Uint8Array(0),
      encode([0, new Uint8Array(31), new Uint8Array(32)]),
      encode([1, new Uint8Array(64)]),
      encode([9, 1]),
      ...Array.from({ length: good.length }, (_, i) => good.subarray(0, i))
    ]
    for (const message of bad) {
      const step = onHello(a.setup(), message)
      assert.strictEqual(Result.isFailure(step) && step.failure.reason, "malformed")
    }
    assert.isTrue(Result.isFailure(onAuth(good)))
    assert.isTrue(Result.isFailure(onAuth(encode([1, new Uint8Array(63)]))))
  })
})
