/**
 * What every control operation has around its payload: space, type, parents, signer, proof and time, and the signature over it all.
 *
 * An operation's id leaves its signature out, since one signer can make many of them. Bytes: docs/format.md#control-operations.
 */
import { Unsupported } from "../echo/ChangeSet.ts"
import { compareBytes, type Reader, Unencodable, Writer } from "../platform/Codec.ts"
import { keyOperationBytesMax, operationParentsMax } from "../platform/Limits.ts"
import { type Hash, Label } from "./Label.ts"

export interface Frame {
  /** 32 zero bytes in a Genesis, whose id the space is. */
  readonly space: Uint8Array
  readonly number: number
  /** Ids of operations, sorted, each once. */
  readonly parents: ReadonlyArray<Uint8Array>
  readonly by: Uint8Array
  readonly proof: Uint8Array | null
  /** Milliseconds since 1970, as its signer says; decides nothing. */
  readonly time: number
}

const operationLabel = new Label("halo/op")

/** The id of an operation: of its bytes without the signature. */
export const operationId = (op: Uint8Array, hash: Hash): Uint8Array => operationLabel.id(op, hash)

/** What `by` signs. */
export const operationMessage = (op: Uint8Array, hash: Hash): Uint8Array => operationLabel.message(op, hash)

/** Encodes `[Op as bstr, sig64]`. */
export const encodeSigned = (op: Uint8Array, signature: Uint8Array): Uint8Array =>
  new Writer(op.length + 80).array(2).bytes(op).bytes(signature).finish()

export interface SignedOperation {
  readonly op: Uint8Array
  readonly signature: Uint8Array
}

/** Both parts as views. How large an operation of its type may be is judged with the type. */
export const readSigned = (from: Reader): SignedOperation => {
  from.tuple(2)
  return { op: from.bytes(keyOperationBytesMax), signature: from.fixed(64) }
}

/** Writes all of an operation but its payload, which the caller puts behind it. Parents are sorted here. */
export const writeFrame = (to: Writer, { by, number, parents, proof, space, time }: Frame): Writer => {
  if (parents.length > operationParentsMax)
    throw new Unencodable({ reason: `an operation has at most ${operationParentsMax} parents` })
  to.array(9).int(1).int(1).bytes(space).int(number).array(parents.length)
  for (const parent of [...parents].sort(compareBytes)) to.bytes(parent)
  to.bytes(by)
  return (proof === null ? to.nil() : to.bytes(proof)).int(time)
}

/** The frame of an operation of any version: what all that are signed as suite 1 is have in common. */
export interface VersionedFrame extends Frame {
  readonly version: number
  /** How many items follow: one, in version 1. */
  readonly itemsLeft: number
}

/** Reads up to the payload, which is at least one item. Throws `Unsupported` at another suite. */
export const readVersionedFrame = (from: Reader): VersionedFrame => {
  const items = from.array(keyOperationBytesMax)
  if (items < 2) from.fail("an operation without version and suite")
  const [version, suite] = [from.uint(), from.uint()]
  if (suite !== 1) throw new Unsupported({ what: `operation suite ${suite}` })
  if (version === 1 ? items !== 9 : items < 9) from.fail("an operation has nine items")
  const space = from.fixed(32)
  const number = from.uint()
  const parents = readParents(from)
  const [by, proof] = [from.fixed(32), from.nil() ? null : from.fixed(32)]
  return { version, space, number, parents, by, proof, time: from.uint(), itemsLeft: items - 8 }
}

/** Reads up to the payload. Throws `Unsupported` at another version or suite. */
export const readFrame = (from: Reader): Frame => {
  const frame = readVersionedFrame(from)
  if (frame.version !== 1) throw otherVersion(frame.version)
  return frame
}

export const otherVersion = (version: number): Unsupported => new Unsupported({ what: `operation version ${version}` })

const readParents = (from: Reader): ReadonlyArray<Uint8Array> => {
  const parents: Array<Uint8Array> = []
  for (let n = from.array(operationParentsMax); n > 0; n--) {
    const parent = from.fixed(32)
    const last = parents[parents.length - 1]
    if (last !== undefined && compareBytes(last, parent) >= 0) from.fail("parents are not sorted, or repeated")
    parents.push(parent)
  }
  return parents
}
