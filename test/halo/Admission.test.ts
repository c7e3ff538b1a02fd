/** Texts that admit: four of them make a member, or a device, and whatever is wrong with one is said. */
import { assert, describe, it } from "@effect/vitest"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import {
  type Acceptance,
  type AdmissionInvalid,
  acceptingMessage,
  decodeAcceptance,
  decodeOffer,
  decodeWelcome,
  encodeAcceptance,
  encodeOffer,
  encodeWelcome
} from "../../src/schema/halo/Admission.ts"
import { textOf } from "../../src/schema/halo/AdmissionText.ts"
import { Membership } from "../../src/schema/halo/Membership.ts"
import { checksum } from "../../src/schema/platform/Checksum.ts"
import { deviceKeys, hash, holds, keyOf, made, named, Person, read } from "./People.ts"

const alice = new Person("Alice")
const bob = new Person("Bob")
const host = keyOf("laptop")
const genesis = made({ space: named("any"), parents: [], proof: null, time: 1, payload: alice.founding("laptop") }, host)
const text = (bytes: Uint8Array) => Base64Url.encode(bytes)
const locators = ["wss://kube.example:7777"]

const offered = encodeOffer({ kind: "space", genesis: genesis.bytes, role: 2 })
const accepting = (offer: string, device: string): string => {
  const read = Result.getOrThrow(decodeOffer(offer, hash))
  const keys = deviceKeys(device)
  const acceptance = keyOf(device).sign(acceptingMessage(read, keys, bob.identity, hash))
  return read.kind === "device"
    ? encodeAcceptance({ kind: "device", identity: read.identity, ...keys, acceptance })
    : encodeAcceptance({
        kind: "space",
        space: read.space,
        role: read.role,
        certificate: bob.certificate(device),
        ...keys,
        acceptance
      })
}
const accepted = accepting(offered, "phone")

/** The reason of a refusal. */
const reason = (result: Result.Result<unknown, AdmissionInvalid>): string =>
  Result.isSuccess(result) ? "accepted" : result.failure.message

describe("Admission", () => {
  it("makes a member of who accepted an offer, in the role that was offered", () => {
    const offer = Result.getOrThrow(decodeOffer(offered, hash))
    assert.isTrue(offer.kind === "space" && holds(offer.founding.signatures))
    const acceptance = Result.getOrThrow(decodeAcceptance(accepted, hash))
    assert.isTrue(holds(acceptance.signatures))
    assert.lengthOf(acceptance.keys, 2)
    const payload = admitting(acceptance)
    const admit = made({ space: genesis.id, parents: [genesis.id], proof: genesis.id, time: 2, payload }, host)
    const welcome = { space: genesis.id, genesis: null, operations: [genesis.bytes, admit.bytes], locators }
    const welcomed = Result.getOrThrow(decodeWelcome(Result.getOrThrow(encodeWelcome(welcome)), hash))
    assert.deepStrictEqual(welcomed, { kind: "space", ...welcome })
    const operations = welcomed.operations.map((bytes) => read(bytes, welcomed.space))
    assert.isTrue(operations.every(({ signatures }) => holds(signatures)))
    const membership = new Membership()
    membership.add(operations.map(({ operation }) => operation))
    const expected = { identity: text(bob.identity), role: 2, devices: [text(keyOf("phone").publicKey)] }
    assert.deepStrictEqual(membership.member(text(bob.identity)), expected as never)
  })

  it("makes a device of an identity's of one that accepted", () => {
    const first = alice.link("laptop")
    const offer = encodeOffer({ kind: "device", genesis: alice.genesis })
    const acceptance = Result.getOrThrow(decodeAcceptance(accepting(offer, "tablet"), hash))
    assert.isTrue(acceptance.kind === "device" && holds(acceptance.signatures))
    const { agreement, device } = acceptance
    const payload = { type: "AddDevice", device, agreement, acceptance: acceptance.acceptance } as const
    const added = made({ space: alice.identity, parents: [first.id], proof: first.id, time: 3, payload }, host)
    const operations = [first.bytes, added.bytes]
    const welcome = encodeWelcome({ space: alice.identity, genesis: alice.genesis, operations, locators })
    const welcomed = Result.getOrThrow(decodeWelcome(Result.getOrThrow(welcome), hash))
    assert.isTrue(welcomed.kind === "device")
    assert.deepStrictEqual(welcomed.space, alice.identity)
    const membership = new Membership({
      identity: text(alice.identity),
      recovery: text(welcomed.kind === "device" ? welcomed.recovery : named(""))
    })
    membership.add(welcomed.operations.map((bytes) => read(bytes, welcomed.space).operation))
    const devices = ["laptop", "tablet"].map((name) => text(keyOf(name).publicKey)).sort()
    assert.deepStrictEqual(membership.member(text(alice.identity))!.devices, devices)
  })

  it("is read through blanks and line breaks", () => {
    const wrapped = `  ${accepted.replace(/.{64}/g, "$&\r\n ")}\n`
    assert.deepStrictEqual(decodeAcceptance(wrapped, hash), decodeAcceptance(accepted, hash))
  })

  it("names the text that was pasted in the place of another", () => {
    assert.include(reason(decodeAcceptance(offered, hash)), "this is not the acceptance: it is a space offer. Copy the whole")
    assert.include(reason(decodeOffer(accepted, hash)), "it is a space acceptance")
    assert.include(reason(decodeWelcome(offered, hash)), "it is a space offer")
  })

  it("refuses every text that lacks a part or has a changed character, before anything of it is believed", () => {
    for (let at = 0; at < accepted.length; at += 7) {
      assert.match(reason(decodeAcceptance(accepted.slice(0, at), hash)), /damaged|base64url/)
      const other = accepted[at] === "x" ? "y" : "x"
      const changed = accepted.slice(0, at) + other + accepted.slice(at + 1)
      assert.match(reason(decodeAcceptance(changed, hash)), /damaged|base64url/, `character ${at}`)
    }
    for (const typed of ["", " ", "hello", "äöü", "AAAA", "_".repeat(100)])
      assert.match(reason(decodeOffer(typed, hash)), /damaged|base64url/)
    assert.include(reason(decodeOffer("A".repeat(50_000), hash)), "longer than 49152 characters")
  })

  it("says when Troupe is too old for a text", () => {
    const bytes = Uint8Array.from(Result.getOrThrow(Base64Url.decode(offered)))
    bytes[1] = 2
    bytes.set(checksum(bytes, 0, bytes.length - 5), bytes.length - 4)
    assert.include(reason(decodeOffer(text(bytes), hash)), "update Troupe on both devices")
    bytes.set([1, 9], 1)
    bytes.set(checksum(bytes, 0, bytes.length - 5), bytes.length - 4)
    assert.include(reason(decodeOffer(text(bytes), hash)), "a kind that this version of Troupe does not know")
  })

  it("is no acceptance of another role, space, identity or key: its signature does not hold", () => {
    const acceptance = Result.getOrThrow(decodeAcceptance(accepted, hash))
    assert.isTrue(acceptance.kind === "space")
    const changed: ReadonlyArray<object> = [
      { role: 4 },
      { space: named("another") },
      { agreement: named("key") },
      { certificate: alice.certificate("phone") }
    ]
    for (const change of changed) {
      const forged = encodeAcceptance({ ...acceptance, ...change } as never)
      assert.isFalse(holds(Result.getOrThrow(decodeAcceptance(forged, hash)).signatures))
    }
  })

  it("refuses a role that there is not, a Genesis that is none, and what is too large", () => {
    assert.include(reason(decodeOffer(encodeOffer({ kind: "space", genesis: genesis.bytes, role: 0 as 1 }), hash)), "no role")
    assert.include(reason(decodeOffer(encodeOffer({ kind: "space", genesis: genesis.bytes, role: 5 as 1 }), hash)), "exceeds 4")
    const other = made({ space: genesis.id, parents: [], proof: null, time: 1, payload: { type: "Leave" } }, host)
    const offer = encodeOffer({ kind: "space", genesis: other.bytes, role: 1 })
    assert.include(reason(decodeOffer(offer, hash)), "an operation of another space")
    const largest = { space: genesis.id, genesis: null, operations: Array(16).fill(new Uint8Array(262_144)), locators: [] }
    const whole = Result.getOrThrow(encodeWelcome(largest))
    assert.lengthOf(Result.getOrThrow(decodeWelcome(whole, hash)).operations, 16)
    const beyond = encodeWelcome({ ...largest, operations: [...largest.operations, new Uint8Array(1)] })
    assert.isTrue(Result.isFailure(beyond) && beyond.failure.message.includes("4194305 bytes"))
    const forged = textOf("space welcome", (to) => {
      to.bytes(genesis.id).array(17)
      for (const each of [...largest.operations, new Uint8Array(1)]) to.bytes(each)
      return to.array(0)
    })
    assert.include(reason(decodeWelcome(forged, hash)), "operations of more than 4194304 bytes")
    const wide = textOf("device offer", (to) => to.bytes(alice.genesis).int(0))
    const bytes = Uint8Array.from(Result.getOrThrow(Base64Url.decode(wide)))
    bytes[0]! += 1
    bytes.set(checksum(bytes, 0, bytes.length - 5), bytes.length - 4)
    assert.include(reason(decodeOffer(text(bytes), hash)), "another number of parts")
  })
})

const admitting = (acceptance: Acceptance) => {
  if (acceptance.kind === "device") throw new Error("a member was expected")
  const { agreement, certificate, device, role } = acceptance
  return { type: "Admit", certificate, device, agreement, role, acceptance: acceptance.acceptance } as const
}
