/**
 * What names a space: its genesis, whose hash is the space's id, and the ticket that another member opens it with.
 *
 * In version 0 the members are the devices that the genesis lists; nothing else admits anybody. Of a space whose members are identities
 * the ticket names the space, and the identity by which it is held; who is in, its operations say. Bytes:
 * docs/format.md#genesis-and-tickets.
 */

import * as Data from "effect/Data"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { compareBytes, decodeWith, equalBytes, type Reader, Writer } from "../platform/Codec.ts"
import { membersMax, ticketCharactersMax, ticketUrlsMax } from "../platform/Limits.ts"

/** The type of the reserved object that holds a space's own properties, such as its name. */
export const spaceTypeName = "troupe/space"

export interface Genesis {
  readonly nonce: Uint8Array
  /** Public keys of the member devices, sorted, each once. */
  readonly devices: ReadonlyArray<Uint8Array>
}

export interface DevicesTicket {
  readonly space: Uint8Array
  readonly genesis: Genesis
  /** Where signaling may be found. Carried for invitations to come: nobody dials them yet. */
  readonly urls: ReadonlyArray<string>
}

/** Of a space of identities: it opens on a device that holds the identity and the space's operations. */
export interface IdentityTicket {
  readonly space: Uint8Array
  readonly identity: Uint8Array
  readonly urls: ReadonlyArray<string>
}

export type Ticket = DevicesTicket | IdentityTicket

/** The text is not a ticket that this version can open. */
export class TicketInvalid extends Data.TaggedError("TicketInvalid")<{ readonly reason: string }> {
  override get message() {
    return `this is not a ticket: ${this.reason}. Copy the whole ticket from the device that created the space.`
  }
}

/** Encodes `[0, nonce16, devices]`, the devices sorted and each once. */
export const encodeGenesis = (nonce: Uint8Array, devices: ReadonlyArray<Uint8Array>): Uint8Array => {
  const sorted = [...devices].sort(compareBytes).filter((device, i, all) => i === 0 || !equalBytes(device, all[i - 1]!))
  const to = new Writer().array(3).int(0).bytes(nonce).array(sorted.length)
  for (const device of sorted) to.bytes(device)
  return to.finish()
}

const readGenesis = (from: Reader): Genesis => {
  from.tuple(3)
  if (from.uint() !== 0) from.fail("a genesis of another version")
  const nonce = from.fixed(16)
  const devices: Array<Uint8Array> = []
  for (let n = from.array(membersMax); n > 0; n--) {
    const device = from.fixed(32)
    if (devices.length > 0 && compareBytes(devices[devices.length - 1]!, device) >= 0) from.fail("devices are not sorted")
    devices.push(device)
  }
  if (devices.length === 0) from.fail("a space without members")
  return { nonce, devices }
}

const decodeGenesis = (bytes: Uint8Array) => decodeWith(bytes, readGenesis)

const genesisLabel = new TextEncoder().encode("echo/genesis/v0\0")

type Hash = (bytes: Uint8Array) => Uint8Array

/** The id of the space that a genesis makes: id("echo/genesis", Genesis). */
const spaceId = (genesis: Uint8Array, hash: Hash): Uint8Array => {
  const bytes = new Uint8Array(genesisLabel.length + genesis.length)
  bytes.set(genesisLabel)
  bytes.set(genesis, genesisLabel.length)
  return hash(bytes)
}

/** A space's id as text: base64url. */
export const spaceText = (space: Uint8Array): string => Base64Url.encode(space)

/** How many bytes of the space's id a ticket repeats. */
const checkBytes = 4

/** `[0, Genesis as bstr, urls, id4]` as base64url; id4 begins the space's id, so that a damaged ticket opens no other space. */
export const encodeTicket = (genesis: Uint8Array, urls: ReadonlyArray<string>, hash: Hash): string => {
  const to = new Writer().array(4).int(0).bytes(genesis).array(urls.length)
  for (const url of urls) to.text(url)
  return Base64Url.encode(to.bytes(spaceId(genesis, hash).subarray(0, checkBytes)).finish())
}

/** `[1, space32, identity32, urls, id4]` as base64url; id4 is of the hash of what stands before it. */
export const encodeIdentityTicket = ({ identity, space, urls }: IdentityTicket, hash: Hash): string => {
  const to = new Writer().array(5).int(1).bytes(space).bytes(identity).array(urls.length)
  for (const url of urls) to.text(url)
  return Base64Url.encode(to.bytes(hash(to.take()).subarray(0, checkBytes)).finish())
}

/** Reads a ticket and recomputes its check, so that a damaged one opens no other space. */
export const decodeTicket = (text: string, hash: Hash): Result.Result<Ticket, TicketInvalid> => {
  const invalid = (reason: string) => Result.fail(new TicketInvalid({ reason }))
  const trimmed = text.trim()
  if (trimmed.length > ticketCharactersMax) return invalid(`it is longer than ${ticketCharactersMax} characters`)
  const decoded = Base64Url.decode(trimmed)
  if (Result.isFailure(decoded) || Base64Url.encode(decoded.success) !== trimmed) return invalid("it is not base64url")
  const bytes = decoded.success
  const ticket = decodeWith(bytes, (from) => {
    const fields = from.array(5)
    const version = from.uint()
    if (version === 0 && fields === 4) return readDevicesTicket(from, hash)
    return version === 1 && fields === 5 ? readIdentityTicket(from, bytes, hash) : from.fail("a ticket of another version")
  })
  return Result.isFailure(ticket) ? invalid(ticket.failure.message) : Result.succeed(ticket.success)
}

const damaged = "it was damaged on its way, or copied wrongly"

const readUrls = (from: Reader): ReadonlyArray<string> => {
  const urls: Array<string> = []
  for (let n = from.array(ticketUrlsMax); n > 0; n--) urls.push(from.text(2048))
  return urls
}

const readDevicesTicket = (from: Reader, hash: Hash): DevicesTicket => {
  const genesisBytes = from.bytes(ticketCharactersMax)
  const urls = readUrls(from)
  const space = spaceId(genesisBytes, hash)
  if (!equalBytes(space.subarray(0, checkBytes), from.fixed(checkBytes))) from.fail(damaged)
  const genesis = decodeGenesis(genesisBytes)
  return Result.isFailure(genesis) ? from.fail(genesis.failure.message) : { space, genesis: genesis.success, urls }
}

const readIdentityTicket = (from: Reader, bytes: Uint8Array, hash: Hash): IdentityTicket => {
  const space = from.fixed(32).slice()
  const identity = from.fixed(32).slice()
  const urls = readUrls(from)
  const told = hash(bytes.slice(0, from.at)).subarray(0, checkBytes)
  return equalBytes(told, from.fixed(checkBytes)) ? { space, identity, urls } : from.fail(damaged)
}
