/** Identities, devices and signed operations of tests, with real keys and signatures that follow from names. */
import * as crypto from "node:crypto"
import * as Result from "effect/Result"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { branchOf, encodeForkProof, encodeManifest, headMessage, manifestMessage } from "../../src/schema/echo/Feed.ts"
import { leafHash, peaksAfter } from "../../src/schema/echo/Merkle.ts"
import { acceptDeviceMessage, acceptMessage, redeemHostMessage } from "../../src/schema/halo/Acceptance.ts"
import { type Certificate, decodeCertificate, encodeCertificate } from "../../src/schema/halo/Certificate.ts"
import { encodeIdentityGenesis, identityId } from "../../src/schema/halo/Identity.ts"
import type { Signed } from "../../src/schema/halo/Label.ts"
import type { Role } from "../../src/schema/halo/Operation.ts"
import {
  type DecodedOperation,
  decodeOperation,
  encodeOperation,
  type OperationContent
} from "../../src/schema/halo/OperationCodec.ts"
import { encodeSigned, operationId, operationMessage } from "../../src/schema/halo/OperationFrame.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { encode } from "../../src/schema/platform/Codec.ts"

export const { hash } = CryptoNode.make()

/** 32 bytes that follow from a name. */
export const named = (name: string): Uint8Array => hash(new TextEncoder().encode(name))

const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex")
const spki = Buffer.from("302a300506032b6570032100", "hex")

/** An Ed25519 key. */
export class Key {
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
  private readonly own: crypto.KeyObject

  constructor(secretKey: Uint8Array) {
    this.secretKey = secretKey
    this.own = crypto.createPrivateKey({ key: Buffer.concat([pkcs8, secretKey]), format: "der", type: "pkcs8" })
    this.publicKey = new Uint8Array(crypto.createPublicKey(this.own).export({ format: "der", type: "spki" }).subarray(-32))
  }

  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(crypto.sign(null, message, this.own))
  }
}

const keys = new Map<string, Key>()

export const keyOf = (name: string): Key => {
  const known = keys.get(name) ?? new Key(named(name))
  keys.set(name, known)
  return known
}

/** Whether all of them hold. */
export const holds = (list: ReadonlyArray<Signed>): boolean =>
  list.every(({ message, publicKey, signature }) => {
    const key = crypto.createPublicKey({ key: Buffer.concat([spki, publicKey]), format: "der", type: "spki" })
    return crypto.verify(null, message, key, signature)
  })

/** An operation, signed, with its id and the bytes that were signed. */
export interface Made {
  readonly op: Uint8Array
  readonly id: Uint8Array
  readonly bytes: Uint8Array
}

export const made = (content: Omit<OperationContent, "by">, by: Key): Made => {
  const op = encodeOperation({ ...content, by: by.publicKey })
  return { op, id: operationId(op, hash), bytes: encodeSigned(op, by.sign(operationMessage(op, hash))) }
}

/** The same content in a frame of version 2, with an item behind its payload that nobody knows. */
export const madeByNewer = (content: Omit<OperationContent, "by">, by: Key, suite = 1): Made => {
  const known = encodeOperation({ ...content, by: by.publicKey })
  const op = Uint8Array.of(0x8a, 2, suite, ...known.subarray(3), ...encode(["of", "tomorrow"]))
  return { op, id: operationId(op, hash), bytes: encodeSigned(op, by.sign(operationMessage(op, hash))) }
}

/** An identity; its devices are keys of names. */
export class Person {
  readonly recovery: Key
  readonly genesis: Uint8Array
  readonly identity: Uint8Array

  constructor(name: string) {
    this.recovery = keyOf(`${name}, recovery`)
    const encryption = named(`${name}, encryption`)
    const nonce = named(`${name}, nonce`).slice(0, 16)
    this.genesis = encodeIdentityGenesis({ recovery: this.recovery.publicKey, encryption, nonce })
    this.identity = identityId(this.genesis, hash)
  }

  addDevice(device: string): Payload & { readonly type: "AddDevice" } {
    const keys = deviceKeys(device)
    const acceptance = keyOf(device).sign(acceptDeviceMessage({ ...keys, identity: this.identity }, hash))
    return { type: "AddDevice", ...keys, acceptance }
  }

  /** The operation by which a device of this identity, or its recovery key, makes another. */
  link(device: string, before: { readonly device: string; readonly made: Made } | null = null): Made {
    const [parents, proof] = before === null ? [[], null] : [[before.made.id], before.made.id]
    const by = before === null ? this.recovery : keyOf(before.device)
    return made({ space: this.identity, parents, proof, time: 0, payload: this.addDevice(device) }, by)
  }

  /** The certificate of the last of some devices, each made by the one before. */
  certificate(...devices: ReadonlyArray<string>): Certificate {
    const links: Array<Made> = []
    devices.forEach((device, at) => {
      links.push(this.link(device, at === 0 ? null : { device: devices[at - 1]!, made: links[at - 1]! }))
    })
    const bytes = encodeCertificate({ genesis: this.genesis, links: links.map((link) => link.bytes) })
    return Result.getOrThrow(decodeCertificate(bytes, hash))
  }

  /** What founds a space with a device of this identity. */
  founding(device: string, isLocked = false): Payload & { readonly type: "Genesis" } {
    const nonce = named("a space").slice(0, 16)
    return { type: "Genesis", certificate: this.certificate(device), ...deviceKeys(device), nonce, isLocked, successorOf: null }
  }

  /** What admits a device of this identity as the first one in a space. */
  admission(space: Uint8Array, device: string, role: Role): Payload & { readonly type: "Admit" } {
    const accepted = { space, identity: this.identity, role, ...deviceKeys(device) }
    const acceptance = keyOf(device).sign(acceptMessage(accepted, hash))
    return { type: "Admit", certificate: this.certificate(device), ...deviceKeys(device), role, acceptance }
  }

  /** What lets in a device of this identity as the bearer of an invitation. */
  redemption(
    space: Uint8Array,
    device: string,
    role: Role,
    by: { readonly invite: Uint8Array; readonly host: string; readonly hostProof: Uint8Array }
  ): Payload & { readonly type: "Redeem" } {
    const { acceptance, certificate } = this.admission(space, device, role)
    const keys = deviceKeys(device)
    const hosted = redeemHostMessage({ invite: by.invite, identity: this.identity, ...keys }, hash)
    const [host, hostSignature] = [keyOf(by.host).publicKey, keyOf(by.host).sign(hosted)]
    return { type: "Redeem", certificate, ...keys, role, acceptance, host, hostProof: by.hostProof, hostSignature }
  }
}

export const deviceKeys = (device: string) => ({
  device: keyOf(device).publicKey,
  agreement: named(`${device}, agreement`)
})

/** A manifest that both keys have signed. */
export const manifestOf = (space: Uint8Array, device: string, feed: string): Uint8Array => {
  const names = { space, device: keyOf(device).publicKey, feed: keyOf(feed).publicKey, incarnation: 1 }
  const message = manifestMessage(names, hash)
  return encodeManifest({ ...names, feedSignature: keyOf(feed).sign(message), deviceSignature: keyOf(device).sign(message) })
}

/** Two first blocks of one feed, each under a signature that holds. */
export const forkProofOf = (feed: string): Uint8Array => {
  const branches = ["left", "right"].map((side) => {
    const leaves = { from: 0, peaks: [], leaves: [leafHash(named(side), hash)] }
    const root = peaksAfter(leaves, hash).root(hash)
    const signature = keyOf(feed).sign(headMessage(keyOf(feed).publicKey, 1, root))
    return branchOf({ length: 1, root, signature }, 0, leaves, hash)
  })
  return encodeForkProof({ feed: keyOf(feed).publicKey, index: 0, a: branches[0]!, b: branches[1]! })
}

/** Reads what a test has made; throws what it is refused with. */
export const read = (bytes: Uint8Array, space: Uint8Array | null): DecodedOperation =>
  Result.getOrThrow(decodeOperation(bytes, space, hash))
