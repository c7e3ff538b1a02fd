/**
 * The hash of a space's state: the sum mod 2^256 of its objects' hashes.
 *
 * Equal states have equal hashes whatever the order of what arrived. It finds accidents and proves nothing: a sum can be forged.
 * docs/format.md#objects
 */
import type { Dot, Value } from "./ChangeSet.ts"
import type { FeedTable } from "./FeedTable.ts"
import type { Entry, Objects } from "./Objects.ts"

export type Hash = (bytes: Uint8Array) => Uint8Array

export interface CanonicalHead {
  readonly feed: number
  readonly counter: number
  readonly time: number
  readonly value: Value
}

/** The heads at one place of an object. */
export interface CanonicalEntry {
  readonly kind: number
  readonly path: ReadonlyArray<string>
  readonly heads: ReadonlyArray<CanonicalHead>
}

/** The canonical bytes of an object, from its heads in any order. */
export declare const encodeObject: (feeds: FeedTable, id: Dot, entries: ReadonlyArray<CanonicalEntry>) => Uint8Array

/** The canonical bytes of an object here. */
export declare const canonical: (objects: Objects, entry: Entry) => Uint8Array

/** A sum of hashes. */
export declare class StateSum {
  /** Adds an object by its canonical bytes. */
  add(canonicalBytes: Uint8Array, hash: Hash): void
  /** 64 hexadecimal digits. */
  hex(): string
}

/** Computes the state hash in steps of `objectsPerStep` objects; begins again when the objects change in between. */
export declare const stateHashSteps: (objects: Objects, hash: Hash, objectsPerStep?: number) => Generator<void, string>

/** The state hash at once. */
export declare const stateHash: (objects: Objects, hash: Hash) => string
