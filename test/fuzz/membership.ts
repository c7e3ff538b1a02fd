/**
 * Every form in which operations, identities and keys of folders come from elsewhere: how it is read, written again, and an example of each.
 */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import * as Admission from "../../src/schema/halo/Admission.ts"
import { decodeCertificate, encodeCertificate } from "../../src/schema/halo/Certificate.ts"
import { decodeControl, encodeControl } from "../../src/schema/halo/ControlMessage.ts"
import { decodeIdentityRecord, encodeIdentityRecord } from "../../src/schema/halo/IdentityRecords.ts"
import { decodeOperation, encodeOperation } from "../../src/schema/halo/OperationCodec.ts"
import { encodeSigned } from "../../src/schema/halo/OperationFrame.ts"
import { decodeOperationRecord, encodeOperationRecord } from "../../src/schema/halo/OperationRecords.ts"
import type { Payload, SeenFeed } from "../../src/schema/halo/Payload.ts"
import { checksum, checksumBytes } from "../../src/schema/platform/Checksum.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { decodeKeyFile, encodeKeyFile } from "../../src/schema/platform/KeyFile.ts"
import { deviceKeys, forkProofOf, hash, keyOf, made, manifestOf, named, Person } from "../halo/People.ts"

/** Reads bytes and writes again what it has read; null when they are refused. Throws at what a decoder must not do. */
type Again = (bytes: Uint8Array) => Uint8Array | null

export interface Form {
  readonly again: Again
  readonly examples: ReadonlyArray<Uint8Array>
  /** Whether it ends with a checksum of all before, which a mutant gets anew. */
  readonly isSummed: boolean
}

const [alice, bob] = [new Person("Alice"), new Person("Bob")]
const founding = made(
  { space: new Uint8Array(32), parents: [], proof: null, time: 1, payload: alice.founding("laptop") },
  keyOf("laptop")
)
const space = founding.id

const put = (payload: Payload, by = "laptop", proof = space): Uint8Array =>
  made({ space, parents: [proof], proof, time: 1_700_000_000_000, payload }, keyOf(by)).bytes

const seen: SeenFeed = { feed: keyOf("feed").publicKey, length: 3, counter: 41, root16: named("root").slice(0, 16) }
const hosting = { invite: named("invite"), host: "laptop", hostProof: space }
const device = keyOf("phone").publicKey

const operations: ReadonlyArray<Uint8Array> = [
  founding.bytes,
  put(bob.admission(space, "phone", 2)),
  put(alice.addDevice("tablet")),
  put({ type: "RemoveDevice", identity: bob.identity, device, reason: 3, frontier: [seen], voidFrom: named("theft") }),
  put({ type: "Cap", identity: bob.identity, maxRole: 0, frontier: [seen], voidFrom: null }),
  put({ type: "Leave" }),
  put({ type: "SetPolicy", isLocked: true }),
  put({ type: "Invite", key: device, role: 2, maxUses: 5, expiresAt: 1, hosts: "members", secret: new Uint8Array(16) }),
  put({ type: "RevokeInvite", invite: named("invite") }),
  put({ type: "CloseInvite", invite: named("invite") }),
  put(bob.redemption(space, "phone", 2, hosting), "invitation", named("invite")),
  put({ type: "AdmitFeed", manifest: manifestOf(space, "laptop", "feed") }),
  put({ type: "KeyRotate", content: encode([named("key"), [], []]) }),
  put({ type: "KeyWrap", content: encode([named("key"), []]) }),
  put({ type: "Endorse", feeds: [seen] }),
  put({ type: "ForkProof", proof: forkProofOf("feed") }),
  put({ type: "Unknown", number: 16, content: encode(["of", "tomorrow", 1.5]) })
]

/** Of a decoder of bytes, or of a text whose bytes they are. */
const again = <A>(read: (bytes: Uint8Array) => Result.Result<A, unknown>, write: (value: A) => Uint8Array): Again => {
  return (bytes) => {
    const result = read(bytes)
    return Result.isSuccess(result) ? write(result.success) : null
  }
}

const ofText = <A>(read: (text: string) => Result.Result<A, unknown>, write: (value: A) => string): Again =>
  again(
    (bytes) => read(Base64Url.encode(bytes)),
    (value) => bytesOf(write(value))
  )

const bytesOf = (text: string): Uint8Array => Result.getOrThrow(Base64Url.decode(text))

/** As a receiver of the space reads it, and as who reads an offer does, who knows no space yet. */
const operationAgain =
  (of: Uint8Array | null): Again =>
  (bytes) => {
    const result = decodeOperation(bytes, of, hash)
    if (Result.isFailure(result)) return null
    const { by, parents, payload, proof, signatures, space, time } = result.success
    return encodeSigned(encodeOperation({ space, parents, by, proof, time, payload }), signatures[0]!.signature)
  }

const form = (again: Again, examples: ReadonlyArray<Uint8Array>, isSummed = false): Form => ({ again, examples, isSummed })

const { acceptance, certificate } = bob.admission(space, "phone", 2)
const welcome = { space, genesis: null, operations: operations.slice(0, 3), locators: ["wss://kube.example/"] }
const record = { genesis: alice.genesis, device, agreement: named("agreement"), order: 3, isConfirmed: true, isLeaving: false }
const wrapped = { cost: 17, salt: new Uint8Array(16), nonce: new Uint8Array(24), wrapped: new Uint8Array(48) }

export const forms: { readonly [name: string]: Form } = {
  operation: form(operationAgain(space), operations),
  founding: form(operationAgain(null), [founding.bytes]),
  certificate: form(
    again((bytes) => decodeCertificate(bytes, hash), encodeCertificate),
    [encodeCertificate(alice.certificate("laptop")), encodeCertificate(alice.certificate("laptop", "tablet", "watch"))]
  ),
  offer: form(
    ofText((text) => Admission.decodeOffer(text, hash), Admission.encodeOffer),
    [
      bytesOf(Admission.encodeOffer({ kind: "space", genesis: founding.bytes, role: 2 })),
      bytesOf(Admission.encodeOffer({ kind: "device", genesis: alice.genesis }))
    ],
    true
  ),
  acceptance: form(
    ofText((text) => Admission.decodeAcceptance(text, hash), Admission.encodeAcceptance),
    [
      bytesOf(Admission.encodeAcceptance({ kind: "space", space, role: 2, certificate, ...deviceKeys("phone"), acceptance })),
      bytesOf(Admission.encodeAcceptance({ kind: "device", identity: bob.identity, ...deviceKeys("phone"), acceptance }))
    ],
    true
  ),
  welcome: form(
    ofText(
      (text) => Admission.decodeWelcome(text, hash),
      (read) => Result.getOrThrow(Admission.encodeWelcome(read))
    ),
    [welcome, { ...welcome, genesis: alice.genesis }].map((each) => bytesOf(Result.getOrThrow(Admission.encodeWelcome(each)))),
    true
  ),
  "control message": form(again(decodeControl, encodeControl), [
    encodeControl({ _tag: "Standing", standing: "member", ops: named("ops") }),
    encodeControl({ _tag: "Ops", operations: operations.slice(1, 3) }),
    encodeControl({ _tag: "Want", ids: [named("one"), named("two")] }),
    encodeControl({ _tag: "Refuse", reason: "not-a-member" })
  ]),
  "identity record": form(again(decodeIdentityRecord, encodeIdentityRecord), [encodeIdentityRecord(record)]),
  "operation record": form(again(decodeOperationRecord, encodeOperationRecord), [encodeOperationRecord(operations[1]!)], true),
  "key file": form(again(decodeKeyFile, encodeKeyFile), [
    encodeKeyFile({ by: "file", key: named("key") }),
    encodeKeyFile({ by: "passphrase", ...wrapped })
  ])
}

/** The bytes with the checksum at their end made anew. */
export const summed = (bytes: Uint8Array): Uint8Array => {
  const end = bytes.length - checksumBytes - 1
  return end < 0 ? bytes : Uint8Array.of(...bytes.subarray(0, end + 1), ...checksum(bytes, 0, end))
}
