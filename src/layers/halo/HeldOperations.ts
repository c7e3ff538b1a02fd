/**
 * The operations of one open space as they are held in memory: by id, in the order in which they came to count, and judged.
 */
import * as Base64Url from "effect/encoding/Base64Url"
import type { Membership } from "../../schema/halo/Membership.ts"
import { roles } from "../../schema/halo/Operation.ts"
import type { DecodedOperation } from "../../schema/halo/OperationCodec.ts"
import { OperationSet } from "../../schema/halo/OperationSet.ts"
import { WaitingOperations } from "../../schema/halo/WaitingOperations.ts"
import { compareBytes } from "../../schema/platform/Codec.ts"
import type { Hash } from "../../services/platform/Crypto.ts"

type Listener = (added: ReadonlyArray<DecodedOperation>) => void

export class HeldOperations {
  readonly space: Uint8Array
  readonly waiting = new WaitingOperations()
  membership: Membership
  set: OperationSet
  private readonly begin: () => Membership
  private readonly hash: Hash
  private readonly listeners = new Set<Listener>()
  private order: Array<DecodedOperation> = []
  /** Those of types and versions that this one does not know: they are asked for at every write. */
  private unread: Array<DecodedOperation> = []
  private byId = new Map<string, DecodedOperation>()
  private childless = new Map<string, Uint8Array>()
  private readonly counts = new Map<string, number>()
  /** Of each feed whose it is, by which of the operations that admit it: where two do, the least id says, whichever came first. */
  private readonly feeds = new Map<string, { readonly device: string; readonly by: string }>()

  constructor(space: Uint8Array, begin: () => Membership, hash: Hash) {
    this.space = space
    this.hash = hash
    this.set = new OperationSet(hash)
    this.begin = begin
    this.membership = begin()
  }

  get size(): number {
    return this.order.length
  }

  has(id: string): boolean {
    return this.byId.has(id)
  }

  find(id: string): DecodedOperation | undefined {
    return this.byId.get(id)
  }

  list(): ReadonlyArray<DecodedOperation> {
    return this.order
  }

  heads(): ReadonlyArray<Uint8Array> {
    return [...this.childless.values()].sort(compareBytes)
  }

  /** How many operations a key has signed here. */
  countBy(key: string): number {
    return this.counts.get(key) ?? 0
  }

  deviceOf(feed: string): string | undefined {
    return this.feeds.get(feed)?.device
  }

  /** The first of an operation's parents that is not here, or null. */
  missingParent({ operation }: DecodedOperation): string | null {
    return operation.parents.find((parent) => !this.byId.has(parent)) ?? null
  }

  /** What somebody who may write here has said that this version does not know, or null. */
  unsupported(): string | null {
    for (const { newer, operation } of this.unread) {
      const entry = this.membership.entry(operation.id)
      if (entry?.standing === "valid" && entry.role >= roles.editor) return newer
    }
    return null
  }

  /** Adds an operation whose parents are here, and which is within its signer's right; who adds the last settles. */
  add(decoded: DecodedOperation): void {
    const { id, operation } = decoded
    this.membership.enter(operation)
    this.order.push(decoded)
    if (decoded.newer !== null) this.unread.push(decoded)
    this.byId.set(operation.id, decoded)
    this.set.add(id)
    for (const parent of operation.parents) this.childless.delete(parent)
    this.childless.set(operation.id, id)
    this.counts.set(operation.by, this.countBy(operation.by) + 1)
    const { deed } = operation
    if (deed.type !== "AdmitFeed") return
    const known = this.feeds.get(deed.feed)
    if (known === undefined || operation.id < known.by) this.feeds.set(deed.feed, { device: deed.device, by: operation.id })
  }

  /** Back to the first operations: what came after them could not be kept. */
  truncate(size: number): void {
    const kept = this.order.slice(0, size)
    this.membership = this.begin()
    this.set = new OperationSet(this.hash)
    this.order = []
    this.unread = []
    this.byId = new Map()
    this.childless = new Map()
    this.counts.clear()
    this.feeds.clear()
    for (const decoded of kept) this.add(decoded)
    this.membership.settle()
  }

  watch(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  changed(added: ReadonlyArray<DecodedOperation>): void {
    for (const listener of this.listeners) listener(added)
  }
}

/** A key or an id as text. */
export const textOf = (bytes: Uint8Array): string => Base64Url.encode(bytes)
