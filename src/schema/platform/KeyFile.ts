/**
 * The file that holds the key to a sealed folder: as it is, or wrapped by a passphrase (docs/format.md#sealed-storage).
 */
import type * as Result from "effect/Result"
import { decodeWith, type Malformed, Writer } from "./Codec.ts"
import { nonceBytes, sealKeyBytes, tagBytes } from "./XChaCha20Poly1305.ts"

export const saltBytes = 16

/** A key that lies open: whoever reads the file has it. */
export interface OpenKey {
  readonly by: "file"
  readonly key: Uint8Array
}

/** How a passphrase was made into the key that wraps: scrypt (RFC 7914) with N = 2^`cost`, r = 8, p = 1. */
export interface Stretching {
  readonly cost: number
  readonly salt: Uint8Array
}

/** A key that is sealed by XChaCha20-Poly1305 under what scrypt makes of a passphrase. */
export interface WrappedKey extends Stretching {
  readonly by: "passphrase"
  readonly nonce: Uint8Array
  readonly wrapped: Uint8Array
}

/** What a new file is written with: 128 MiB and some tenths of a second for each guess. */
export const costDefault = 17
/** A file that somebody altered costs whoever opens it no more than 1 GiB. */
export const costMax = 20

/** The version of the file. */
const version = 0
const kinds = { file: 0, passphrase: 1 } as const

/** The head of a wrapped key, which is bound to it as associated bytes. */
export const stretchingBytes = ({ cost, salt }: Stretching): Uint8Array =>
  new Writer().array(4).int(version).int(kinds.passphrase).int(cost).bytes(salt).finish()

export const encodeKeyFile = (file: OpenKey | WrappedKey): Uint8Array =>
  file.by === "file"
    ? new Writer().array(3).int(version).int(kinds.file).bytes(file.key).finish()
    : new Writer()
        .array(6)
        .int(version)
        .int(kinds.passphrase)
        .int(file.cost)
        .bytes(file.salt)
        .bytes(file.nonce)
        .bytes(file.wrapped)
        .finish()

export const decodeKeyFile = (bytes: Uint8Array): Result.Result<OpenKey | WrappedKey, Malformed> =>
  decodeWith(bytes, (reader) => {
    const fields = reader.array(6)
    reader.uint(version)
    const kind = reader.uint(kinds.passphrase)
    if (fields !== (kind === kinds.file ? 3 : 6)) return reader.fail("a key file of another length")
    if (kind === kinds.file) return { by: "file", key: reader.fixed(sealKeyBytes).slice() }
    const cost = reader.uint(costMax)
    if (cost === 0) return reader.fail("a cost that scrypt does not know")
    return {
      by: "passphrase",
      cost,
      salt: reader.fixed(saltBytes).slice(),
      nonce: reader.fixed(nonceBytes).slice(),
      wrapped: reader.fixed(sealKeyBytes + tagBytes).slice()
    }
  })
