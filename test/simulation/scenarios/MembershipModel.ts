/**
 * What a space of identities has to show, by the rules told as dumbly as possible: of the operations and the blocks of a disk.
 */
import { createHash, verify } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type ChangeSet, Mutation } from "../../../src/schema/echo/ChangeSet.ts"
import { FeedTable } from "../../../src/schema/echo/FeedTable.ts"
import { StateSum } from "../../../src/schema/echo/StateHash.ts"
import type { Operation } from "../../../src/schema/halo/Operation.ts"
import { decodeOperation } from "../../../src/schema/halo/OperationCodec.ts"
import { decodeOperationRecord, operationKeys } from "../../../src/schema/halo/OperationRecords.ts"
import type { Storage } from "../../../src/services/platform/Storage.ts"
import { NaiveObjects } from "../../echo/naive/NaiveObjects.ts"
import { AcceptedPrefixes } from "../../halo/naive/AcceptedPrefixes.ts"
import { Evaluation } from "../../halo/naive/Evaluation.ts"
import { blocksOn, type HeldBlocks } from "./feeds.ts"

type Disk = Storage["Service"]

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()

/** The operations of a space as a disk holds them, parents first. */
export const operationsOn = (disk: Disk, space: Uint8Array) =>
  Effect.map(disk.range({ ...operationKeys(space, 0), limit: 100_000 }), (entries) =>
    entries.map(({ value }): Operation => {
      const signed = Result.getOrThrow(decodeOperationRecord(value))
      return Result.getOrThrow(decodeOperation(signed, space, sha256)).operation
    })
  )

/** The ids of operations that a disk holds and their signers have not signed. */
export const unsignedOn = (disk: Disk, space: Uint8Array) =>
  Effect.map(disk.range({ ...operationKeys(space, 0), limit: 100_000 }), (entries) =>
    entries.flatMap(({ value }) => {
      const record = Result.getOrThrow(decodeOperationRecord(value))
      const { operation, signatures } = Result.getOrThrow(decodeOperation(record, space, sha256))
      const { message, publicKey, signature } = signatures[0]!
      const key = { key: Buffer.concat([spki, publicKey]), format: "der", type: "spki" } as const
      return verify(null, message, key, signature) ? [] : [operation.id]
    })
  )

/** What stands before the 32 bytes of an Ed25519 key (RFC 8410). */
const spki = Buffer.from("302a300506032b6570032100", "hex")

/** Judgements of sets of operations, each made once: peers mostly hold the same. */
export class Judgements {
  private readonly known = new Map<string, Evaluation>()

  of(operations: ReadonlyArray<Operation>): Evaluation {
    const key = operations
      .map(({ id }) => id)
      .sort()
      .join()
    const known = this.known.get(key) ?? new Evaluation(operations)
    this.known.set(key, known)
    return known
  }
}

/** Identities with their roles, as a line. */
export const membersText = (members: ReadonlyArray<{ readonly identity: string; readonly role: number }>): string =>
  members
    .map(({ identity, role }) => `${identity} ${role}`)
    .sort()
    .join(", ")

export interface Shown {
  readonly stateHash: string
  /** Feeds of which something is here that does not count. */
  readonly withheld: ReadonlyArray<string>
  /** The ids of objects whose making counts. */
  readonly created: ReadonlySet<string>
  /** All change sets that are here, each by its feed and its first counter. */
  readonly changes: ReadonlySet<string>
  /** Feeds of which something may count: somebody who may write has admitted them, and no fork froze them. */
  readonly counting: ReadonlySet<string>
}

/** The state that the operations and the feeds of a disk amount to. */
export const shownOn = (disk: Disk, space: Uint8Array, evaluation: Evaluation) =>
  Effect.map(blocksOn(disk, space), (feeds) => new Fold(feeds, new AcceptedPrefixes(evaluation)).shown())

class Fold {
  private readonly feeds: ReadonlyMap<string, HeldBlocks>
  private readonly prefixes: AcceptedPrefixes
  private readonly table = new FeedTable()
  private readonly objects = new NaiveObjects(this.table)
  /** Of each feed, how many blocks were folded, and its last counter then. */
  private readonly folded = new Map<number, { at: number; counter: number }>()
  private readonly contexts = new Map<number, Array<number>>()
  private readonly ends = new Map<number, number>()
  private readonly withheld = new Set<string>()
  private readonly created = new Set<string>()
  private readonly changes = new Set<string>()

  constructor(feeds: Fold["feeds"], prefixes: AcceptedPrefixes) {
    this.feeds = feeds
    this.prefixes = prefixes
    for (const { blocks, id, isFrozen } of feeds.values()) {
      const last = blocks.at(-1)?.changeSets.at(-1)
      if (isFrozen) this.ends.set(this.table.intern(id), last === undefined ? 0 : endOf(last))
    }
  }

  shown(): Shown {
    while ([...this.feeds].some(([text, held]) => this.foldNext(text, held))) {}
    const sum = new StateSum()
    for (const object of this.objects.objects()) sum.add(this.objects.canonical(object), sha256)
    const { changes, created } = this
    const counts = ([text, { isFrozen }]: readonly [string, HeldBlocks]) => !isFrozen && this.prefixes.accepted(text).role > 1
    const counting = new Set([...this.feeds].filter(counts).map(([text]) => text))
    return { stateHash: sum.hex(), withheld: [...this.withheld].sort(), created, changes, counting }
  }

  /** Folds the next block of a feed when all that it had seen is there; answers whether it did. */
  private foldNext(text: string, { blocks, id }: HeldBlocks): boolean {
    const feed = this.table.intern(id)
    const folded = this.folded.get(feed) ?? { at: 0, counter: 0 }
    const block = blocks[folded.at]
    if (block === undefined) return false
    const numbers = [feed, ...block.feeds.map((each) => this.table.intern(each))]
    const deps = block.changeSets.flatMap((changeSet) => changeSet.deps ?? [])
    const isThere = deps.every(({ counter, feed: position }) => {
      const other = numbers[position]!
      const needed = Math.min(counter, this.ends.get(other) ?? counter)
      return (this.folded.get(other)?.counter ?? 0) >= needed
    })
    if (!isThere) return false
    for (const changeSet of block.changeSets) this.fold(text, feed, changeSet, numbers)
    this.folded.set(feed, { at: folded.at + 1, counter: endOf(block.changeSets.at(-1)!) })
    return true
  }

  private fold(text: string, feed: number, changeSet: ChangeSet, numbers: ReadonlyArray<number>): void {
    this.changes.add(`${text} ${changeSet.first}`)
    const context = this.contexts.get(feed) ?? []
    for (const { counter, feed: position } of changeSet.deps ?? []) {
      const other = numbers[position]!
      context[other] = Math.max(context[other] ?? 0, Math.min(counter, this.ends.get(other) ?? counter))
    }
    this.contexts.set(feed, context)
    const { counter, role } = this.prefixes.accepted(text)
    const isWithheld = role === 0 || endOf(changeSet) > counter
    if (isWithheld) this.withheld.add(text)
    const mutations = changeSet.mutations.map((each) => numbered(each, numbers))
    const isOfProfile = mutations.every((each) => each.op !== 0 && each.feed === feed && each.counter === 0)
    if (!isWithheld && role === 1 && !isOfProfile) return
    if (!this.objects.apply({ ...changeSet, mutations }, feed, context, isWithheld) || isWithheld) return
    for (const [i, { op }] of mutations.entries()) if (op === 0) this.created.add(`${text}.${changeSet.first + i}`)
  }
}

const endOf = ({ first, mutations }: ChangeSet): number => first + mutations.length - 1

const numbered = ({ counter, feed, name, number, op, path, value }: Mutation, numbers: ReadonlyArray<number>): Mutation =>
  new Mutation(op, op === 0 ? 0 : numbers[feed]!, counter, path, value, name, number)
