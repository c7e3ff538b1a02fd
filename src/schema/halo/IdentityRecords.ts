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
}

const genesisBytesMax = 128

export const identityKey = (identity: Uint8Array): Uint8Array => Uint8Array.of(identityRange, ...identity)
/** All identities. */
export const identityKeys = { from: Uint8Array.of(identityRange), to: Uint8Array.of(identityRange + 1) }

/** `[0, IdentityGenesis as bstr, device32, agreement32, order, isConfirmed]`. */
export const encodeIdentityRecord = ({ agreement, device, genesis, isConfirmed, order }: IdentityRecord): Uint8Array =>
  new Writer().array(6).int(0).bytes(genesis).bytes(device).bytes(agreement).int(order).bool(isConfirmed).finish()

export const decodeIdentityRecord = (bytes: Uint8Array): Result.Result<IdentityRecord, Malformed> =>
  decodeWith(bytes, (from) => {
    from.tuple(6)
    if (from.uint() !== 0) from.fail("an identity's record of another version")
    const genesis = from.bytes(genesisBytesMax).slice()
    const [device, agreement] = [from.fixed(32).slice(), from.fixed(32).slice()]
    return { genesis, device, agreement, order: from.uint(), isConfirmed: from.bool() }
  })
