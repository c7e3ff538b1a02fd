/**
 * The identities of a device as its Storage holds them: of each the public keys that this device has for it.
 *
 * Bytes: docs/format.md#storage-keys.
 */
import type * as Result from "effect/Result"
import { decodeWith, type Malformed, Writer } from "../platform/Codec.ts"
import { identityRange } from "../platform/StorageKeys.ts"

export interface IdentityRecord {
  /** The bytes of `IdentityGenesis`. */
  readonly genesis: Uint8Array
  readonly device: Uint8Array
  readonly agreement: Uint8Array
  /** Its place among the identities of the device. */
  readonly order: number
  /** Whether somebody has typed the phrase. */
  readonly isConfirmed: boolean
  /** Whether it is being removed: what is left of it goes before anything else is read. */
  readonly isLeaving: boolean
}

const genesisBytesMax = 128

export const identityKey = (identity: Uint8Array): Uint8Array => Uint8Array.of(identityRange, ...identity)
/** All identities. */
export const identityKeys = { from: Uint8Array.of(identityRange), to: Uint8Array.of(identityRange + 1) }

/** `[0, IdentityGenesis as bstr, device32, agreement32, order, isConfirmed, isLeaving]`. */
export const encodeIdentityRecord = (record: IdentityRecord): Uint8Array => {
  const { agreement, device, genesis, isConfirmed, isLeaving, order } = record
  const to = new Writer().array(7).int(0).bytes(genesis).bytes(device).bytes(agreement)
  return to.int(order).bool(isConfirmed).bool(isLeaving).finish()
}

export const decodeIdentityRecord = (bytes: Uint8Array): Result.Result<IdentityRecord, Malformed> =>
  decodeWith(bytes, (from) => {
    from.tuple(7)
    if (from.uint() !== 0) from.fail("an identity's record of another version")
    const genesis = from.bytes(genesisBytesMax).slice()
    const [device, agreement] = [from.fixed(32).slice(), from.fixed(32).slice()]
    return { genesis, device, agreement, order: from.uint(), isConfirmed: from.bool(), isLeaving: from.bool() }
  })
