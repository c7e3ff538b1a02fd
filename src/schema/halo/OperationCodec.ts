/**
 * Control operations as bytes: what is signed, read back with everything that can be judged without other operations.
 *
 * Reading checks form alone; which signatures have to hold is listed, since they are verified many at once. A bad signature makes an
 * operation nonsense, whoever sent it. Bytes: docs/format.md#control-operations.
 */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { Unsupported } from "../echo/ChangeSet.ts"
import { decodeWith, equalBytes, type Malformed, Reader, Unencodable, Writer } from "../platform/Codec.ts"
import { keyOperationBytesMax, operationBytesMax } from "../platform/Limits.ts"
import { acceptDeviceMessage } from "./Acceptance.ts"
import type { Hash, Signed } from "./Label.ts"
import type { Operation } from "./Operation.ts"
import {
  type Frame,
  operationId,
  operationMessage,
  otherVersion,
  readSigned,
  readVersionedFrame,
  type VersionedFrame,
  writeFrame
} from "./OperationFrame.ts"
import type { Payload } from "./Payload.ts"
import { isLarge, numberOf, type PayloadContext, readPayload, writePayload } from "./PayloadCodec.ts"
import { deedOf } from "./PayloadDeed.ts"
import { keysOf, signaturesOf } from "./PayloadSignatures.ts"

/** An operation as it was received. Its bytes are a copy, and all others are views into it. */
export interface DecodedOperation {
  /** What Membership takes. */
  readonly operation: Operation
  readonly id: Uint8Array
  /** The space; of a Genesis, its id. */
  readonly space: Uint8Array
  readonly parents: ReadonlyArray<Uint8Array>
  readonly by: Uint8Array
  readonly proof: Uint8Array | null
  /** Milliseconds since 1970, as its signer says; decides nothing. */
  readonly time: number
  readonly payload: Payload
  /** What of it only a newer version knows, or null; its payload is then Unknown. */
  readonly newer: string | null
  /** The SignedOp. */
  readonly bytes: Uint8Array
  /** All signatures that can be told without other operations: every one has to hold, else the operation is nonsense. */
  readonly signatures: ReadonlyArray<Signed>
  /** Of an AddDevice, one more: what the device signed names the identity of the operation's signer (`Membership.holder`). */
  readonly acceptance: ((identity: Uint8Array) => Signed) | null
  /** Ed25519 keys that the operation brings in: each has to be one that may be admitted. */
  readonly keys: ReadonlyArray<Uint8Array>
}

/** What an operation says, before it is signed. */
export interface OperationContent {
  /** The space; of a Genesis anything, since the space is its id. */
  readonly space: Uint8Array
  readonly parents: ReadonlyArray<Uint8Array>
  readonly by: Uint8Array
  readonly proof: Uint8Array | null
  readonly time: number
  readonly payload: Payload
}

const genesisSpace = new Uint8Array(32)
const genesisNumber = 0

/** The bytes that are signed. Throws `Unencodable` when there are too many of them, or more than 32 parents. */
export const encodeOperation = ({ payload, space, ...frame }: OperationContent): Uint8Array => {
  const number = numberOf(payload)
  const to = new Writer(1_024)
  writeFrame(to, { ...frame, number, space: number === genesisNumber ? genesisSpace : space })
  const op = writePayload(to, payload).finish()
  const most = bytesMaxOf(number)
  if (op.length > most) throw new Unencodable({ reason: `an operation of ${op.length} bytes exceeds ${most}` })
  return op
}

const bytesMaxOf = (number: number): number => (isLarge(number) ? keyOperationBytesMax : operationBytesMax)

/**
 * Reads a signed operation of `space`, an identity's own space included. With null instead of a space it reads a Genesis, which says
 * what its space is.
 */
export const decodeOperation = (
  bytes: Uint8Array,
  space: Uint8Array | null,
  hash: Hash
): Result.Result<DecodedOperation, Malformed | Unsupported> => {
  const own = Uint8Array.from(bytes)
  try {
    return decodeWith(own, (outer) => {
      const { op, signature } = readSigned(outer)
      const from = new Reader(op)
      const frame = readVersionedFrame(from)
      const id = operationId(op, hash)
      checkFrame(from, op, frame, id, space)
      const { newer, payload } = readContent(from, frame, { frame, op, hash })
      from.finish()
      const { by, parents, proof, time } = frame
      const signed = { publicKey: by, message: operationMessage(op, hash), signature }
      return {
        operation: asText(id, frame, payload),
        id,
        space: frame.number === genesisNumber ? id : frame.space,
        parents,
        by,
        proof,
        time,
        payload,
        newer,
        bytes: own,
        signatures: [signed, ...signaturesOf(payload, frame, hash)],
        acceptance: acceptanceOf(payload, hash),
        keys: keysOf(payload)
      }
    })
  } catch (error) {
    if (error instanceof Unsupported) return Result.fail(error)
    throw error
  }
}

/** What it says; where this version does not know that, all that follows the frame. What founds a space has to be known. */
const readContent = (
  from: Reader,
  { itemsLeft, number, version }: VersionedFrame,
  context: PayloadContext
): Pick<DecodedOperation, "payload" | "newer"> => {
  const start = from.at
  try {
    if (version !== 1) throw otherVersion(version)
    const payload = readPayload(from, context)
    return { payload, newer: payload.type === "Unknown" ? `a control operation of type ${number}` : null }
  } catch (error) {
    if (!(error instanceof Unsupported) || number === genesisNumber) throw error
    from.at = start
    for (let n = itemsLeft; n > 0; n--) from.item(1)
    return { payload: { type: "Unknown", number, content: context.op.subarray(start, from.at) }, newer: error.what }
  }
}

const checkFrame = (from: Reader, op: Uint8Array, frame: VersionedFrame, id: Uint8Array, space: Uint8Array | null): void => {
  if (op.length > (frame.version === 1 ? bytesMaxOf(frame.number) : keyOperationBytesMax)) from.fail("an operation too large")
  if (frame.number === genesisNumber) {
    if (!equalBytes(frame.space, genesisSpace)) from.fail("a Genesis within a space")
    if (space !== null && !equalBytes(id, space)) from.fail("the Genesis of another space")
  } else if (space === null || !equalBytes(frame.space, space)) from.fail("an operation of another space")
}

const asText = (id: Uint8Array, { by, parents, proof }: Frame, payload: Payload): Operation => ({
  id: Base64Url.encode(id),
  parents: parents.map((parent) => Base64Url.encode(parent)),
  by: Base64Url.encode(by),
  proof: proof === null ? null : Base64Url.encode(proof),
  deed: deedOf(payload)
})

const acceptanceOf = (payload: Payload, hash: Hash): DecodedOperation["acceptance"] => {
  if (payload.type !== "AddDevice") return null
  const { acceptance, device } = payload
  return (identity) => ({
    publicKey: device,
    message: acceptDeviceMessage({ ...payload, identity }, hash),
    signature: acceptance
  })
}
