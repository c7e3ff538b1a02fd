/**
 * Feeds as bytes: manifests, blocks, heads, runs, and the Merkle mountain range that binds them.
 *
 * One signature over (feed, length, root) covers every block before it, so a receiver verifies one signature for a whole run.
 * Everything here is pure; hashes are an argument. Bytes: docs/format.md#feeds. Trees: RFC 9162, 2.1 (domain separation).
 */

/** Binds a feed key to a space, a device and an incarnation. Both keys sign. */
export interface Manifest {
  readonly space: Uint8Array
  readonly device: Uint8Array
  readonly feed: Uint8Array
  readonly incarnation: number
  readonly feedSignature: Uint8Array
  readonly deviceSignature: Uint8Array
}

/** What the writer signed: the feed had this root at this length (in blocks). */
export interface Head {
  readonly length: number
  readonly root: Uint8Array
  readonly signature: Uint8Array
}

/** Consecutive blocks on the wire, verified by the head at their end. */
export interface Run {
  readonly feed: Uint8Array
  readonly from: number
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly head: Head
  /** The peaks at `from`, when the receiver is not there already; else null. */
  readonly proof: ReadonlyArray<Uint8Array> | null
}
