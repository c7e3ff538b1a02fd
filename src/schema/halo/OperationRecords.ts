/**
 * Control operations as a Storage holds them: those of one space in one range, in the order in which they came to count.
 *
 * That order keeps parents first, so a space is loaded in one pass. Bytes: docs/format.md#storage-keys.
 */
import type * as Result from "effect/Result"
import { putU64 } from "../echo/Merkle.ts"
import { checksum, checksumBytes } from "../platform/Checksum.ts"
import { decodeWith, equalBytes, type Malformed, Writer } from "../platform/Codec.ts"
import { operationRange } from "../platform/StorageKeys.ts"

/** A SignedOp is at most so long: the largest operation, its signature and their frame. */
const signedBytesMax = 262_144 + 128

/** The key of the operation that came to count as the `order`th. */
export const operationKey = (space: Uint8Array, order: number): Uint8Array => {
  const key = new Uint8Array(41)
  key[0] = operationRange
  key.set(space, 1)
  putU64(key, 33, order)
  return key
}

/** All keys of a space from the `order`th on. */
export const operationKeys = (space: Uint8Array, order: number): { readonly from: Uint8Array; readonly to: Uint8Array } => ({
  from: operationKey(space, order),
  to: Uint8Array.of(...operationKey(space, Number.MAX_SAFE_INTEGER), 0)
})

/** `[0, SignedOp as bstr, checksum4]`. */
export const encodeOperationRecord = (signed: Uint8Array): Uint8Array => {
  const to = new Writer(signed.length + 16).array(3).int(0).bytes(signed)
  return to.bytes(checksum(to.take(), 0, to.length)).finish()
}

export const decodeOperationRecord = (bytes: Uint8Array): Result.Result<Uint8Array, Malformed> =>
  decodeWith(bytes, (from) => {
    from.tuple(3)
    if (from.uint() !== 0) from.fail("an operation's record of another version")
    const signed = from.bytes(signedBytesMax).slice()
    const end = from.at
    if (!equalBytes(from.fixed(checksumBytes), checksum(bytes, 0, end))) from.fail("a record whose checksum is another")
    return signed
  })
