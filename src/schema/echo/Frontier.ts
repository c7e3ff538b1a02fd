/**
 * What a device has applied of a space, as bytes and as a hash: equal frontiers mean equal state.
 *
 * Peers compare the hash and show it; what is sent depends on what is stored, not on this. Bytes: docs/format.md#replication.
 */
import { compareBytes, Writer } from "../platform/Codec.ts"

/** A feed and one of its counters. */
export type FeedCounter = readonly [feed: Uint8Array, counter: number]

export interface Frontier {
  /** The control operations that no other one held here names as its parent, by id: what they say follows from all before them. */
  readonly controlHeads: ReadonlyArray<Uint8Array>
  /** Frozen feeds, each with the last counter that counts. */
  readonly floors: ReadonlyArray<FeedCounter>
  /** Feeds of which anything was applied, each with the last counter applied. */
  readonly applied: ReadonlyArray<FeedCounter>
}

const write = (to: Writer, counters: ReadonlyArray<FeedCounter>): void => {
  to.array(counters.length)
  for (const [feed, counter] of [...counters].sort(([a], [b]) => compareBytes(a, b))) to.array(2).bytes(feed).int(counter)
}

/** `[control heads, purges, floors, applied]`, each sorted by its bytes. Purges are empty in version 0. */
export const encodeFrontier = ({ applied, controlHeads, floors }: Frontier): Uint8Array => {
  const to = new Writer(64 + 40 * controlHeads.length + 48 * applied.length).array(4).array(controlHeads.length)
  for (const head of [...controlHeads].sort(compareBytes)) to.bytes(head)
  to.array(0)
  write(to, floors)
  write(to, applied)
  return to.finish()
}

const label = new TextEncoder().encode("echo/frontier/v0\0")

/** id("echo/frontier", Frontier). */
export const frontierHash = (frontier: Frontier, hash: (bytes: Uint8Array) => Uint8Array): Uint8Array => {
  const bytes = encodeFrontier(frontier)
  const labelled = new Uint8Array(label.length + bytes.length)
  labelled.set(label)
  labelled.set(bytes, label.length)
  return hash(labelled)
}
