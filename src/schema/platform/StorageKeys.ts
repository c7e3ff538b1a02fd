/**
 * Who owns which keys of a Storage: the first byte says it (docs/format.md#storage-keys).
 *
 * Every owner lists, writes and checks its own range and no other, so that two never meet in one key.
 */

/** What the storage says about itself: its version. */
const storageRange = 0x00
/** Private keys. */
export const keyringRange = 0x01
/** What this device knows of itself: how often it started. */
const deviceRange = 0x02
/** Feeds: manifests, heads, blocks, proofs. */
export const feedRange = 0x03
/** Spaces: genesis, name, and what can be computed again from feeds. */
export const spaceRange = 0x04
/** Durable actors: their turns and snapshots. */
export const actorRange = 0x05
/** Control operations of spaces and identities. */
export const operationRange = 0x06
/** Identities that this device is a device of. */
export const identityRange = 0x07

/** The version of what is stored, under `storageVersionKey`; what is newer or older is not opened. */
export const storageVersion = 1
export const storageVersionKey: Uint8Array = Uint8Array.of(storageRange, 0x00)
/** What tells whether a key opens a sealed storage. */
export const sealKey: Uint8Array = Uint8Array.of(storageRange, 0x01)
/** Behind the keys of all owners. */
export const keysEnd: Uint8Array = Uint8Array.of(0xff)
/** The starts that this device has counted (docs/format.md#rollback). */
export const startsKey: Uint8Array = Uint8Array.of(deviceRange, 0x00)
