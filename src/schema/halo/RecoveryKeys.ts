/**
 * The keys of a seed phrase: by BIP-39 from words to a seed, by SLIP-0010 (ed25519, hardened steps alone) from it to one key for each purpose.
 *
 * The path is m / 1162037327' ("ECHO") / account' / role' / 0'. No key has two purposes, and none is made into another kind.
 */

/** HMAC-SHA512. */
export type Hmac = (key: Uint8Array, message: Uint8Array) => Uint8Array
/** PBKDF2 with HMAC-SHA512, 64 bytes. */
export type Pbkdf2 = (password: Uint8Array, salt: Uint8Array, rounds: number) => Uint8Array

/** A node of the tree: 32 bytes each. */
export interface KeyNode {
  readonly key: Uint8Array
  readonly chain: Uint8Array
}

const utf8 = new TextEncoder()
const seedRounds = 2_048

/** The 64 bytes of a phrase (BIP-39, "From mnemonic to seed"). Troupe uses no passphrase; published vectors do. */
export const seedOf = (phrase: string, pbkdf2: Pbkdf2, passphrase = ""): Uint8Array =>
  pbkdf2(utf8.encode(phrase.normalize("NFKD")), utf8.encode(`mnemonic${passphrase}`.normalize("NFKD")), seedRounds)

const hardened = 2 ** 31

/** The node at a path of hardened steps, each below 2^31 (SLIP-0010, "Master key generation" and "Child key derivation"). */
export const nodeAt = (seed: Uint8Array, path: ReadonlyArray<number>, hmac: Hmac): KeyNode => {
  let node = split(hmac(utf8.encode("ed25519 seed"), seed))
  for (const step of path) {
    const data = new Uint8Array(37)
    data.set(node.key, 1)
    new DataView(data.buffer).setUint32(33, hardened + step)
    node = split(hmac(node.chain, data))
  }
  return node
}

const split = (bytes: Uint8Array): KeyNode => ({ key: bytes.slice(0, 32), chain: bytes.slice(32) })

const purpose = 0x45_43_48_4f

const recoveryRoles = { signing: 0, encryption: 1, backup: 2 } as const

/** The 32 secret bytes for a purpose: of an Ed25519 key, an X25519 key, or what backups are derived from. */
export const recoveryKey = (seed: Uint8Array, role: keyof typeof recoveryRoles, hmac: Hmac, account = 0): Uint8Array =>
  nodeAt(seed, [purpose, account, recoveryRoles[role], 0], hmac).key
