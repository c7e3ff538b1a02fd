/**
 * Labels: what is hashed or signed says what it is, so that nothing signed as one thing passes as another.
 *
 * Format version 1. Bytes: docs/format.md#control-operations.
 */

/** SHA-256: 32 bytes. */
export type Hash = (bytes: Uint8Array) => Uint8Array

/** A claim that `publicKey` (Ed25519, 32 bytes) made the 64-byte `signature` over `message`. */
export interface Signed {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

const utf8 = new TextEncoder()

export class Label {
  private readonly ofId: Uint8Array
  private readonly ofSignature: Uint8Array

  constructor(name: string) {
    this.ofId = utf8.encode(`${name}/v1\0`)
    this.ofSignature = utf8.encode(`${name}-sig/v1\0`)
  }

  /** id(label, bytes). */
  id(bytes: Uint8Array, hash: Hash): Uint8Array {
    return hash(joined(this.ofId, bytes))
  }

  /** What a signature over `bytes` under this label is over. */
  message(bytes: Uint8Array, hash: Hash): Uint8Array {
    return joined(this.ofSignature, this.id(bytes, hash))
  }
}

const joined = (start: Uint8Array, rest: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(start.length + rest.length)
  bytes.set(start)
  bytes.set(rest, start.length)
  return bytes
}
