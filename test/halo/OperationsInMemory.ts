/**
 * The operations of a space in memory, with real bytes, real signatures and the real judge of them; and a space to try them on.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { Membership } from "../../src/schema/halo/Membership.ts"
import { type DecodedOperation, decodeOperation } from "../../src/schema/halo/OperationCodec.ts"
import { OperationSet } from "../../src/schema/halo/OperationSet.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { compareBytes } from "../../src/schema/platform/Codec.ts"
import type { SpaceOperations, Taken } from "../../src/services/halo/OperationStore.ts"
import { hash, holds, keyOf, made, Person } from "./People.ts"

type Listener = (added: ReadonlyArray<DecodedOperation>) => void

export class OperationsInMemory implements SpaceOperations {
  readonly space: Uint8Array
  readonly membership = new Membership()
  readonly set = new OperationSet(hash)
  private readonly held = new Map<string, DecodedOperation>()
  private readonly early = new Map<string, DecodedOperation>()
  private readonly listeners = new Set<Listener>()

  constructor(space: Uint8Array, operations: ReadonlyArray<Uint8Array> = []) {
    this.space = space
    this.taken(operations)
  }

  readonly heads = () => {
    const covered = new Set(this.list().flatMap(({ operation }) => operation.parents))
    return this.list()
      .filter(({ operation }) => !covered.has(operation.id))
      .map(({ id }) => id)
      .sort(compareBytes)
  }
  readonly find = (id: string) => this.held.get(id)
  readonly list = () => [...this.held.values()]
  readonly bytes = () => this.list().map(({ bytes }) => bytes)
  readonly deviceOf = (feed: string) => {
    for (const { operation } of this.held.values())
      if (operation.deed.type === "AdmitFeed" && operation.deed.feed === feed) return operation.deed.device
    return undefined
  }
  readonly waiting = () => this.early.size
  readonly unsupported = () => null
  readonly take = (operations: ReadonlyArray<Uint8Array>) => Effect.sync(() => this.taken(operations))
  readonly publish = () => Effect.die(new Error("a test says who signs"))
  readonly watch = (listener: Listener) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => this.listeners.add(listener)),
        () => Effect.sync(() => this.listeners.delete(listener))
      )
    )

  private taken(operations: ReadonlyArray<Uint8Array>): Taken {
    const refused: Array<string> = []
    for (const bytes of operations) {
      const decoded = decodeOperation(bytes, this.space, hash)
      if (Result.isFailure(decoded)) refused.push(decoded.failure.message)
      else if (!holds(decoded.success.signatures)) refused.push("a signature does not hold")
      else this.early.set(decoded.success.operation.id, decoded.success)
    }
    const added: Array<DecodedOperation> = []
    for (const [id, decoded] of this.early) {
      if (!this.held.has(id) && !decoded.operation.parents.every((parent) => this.held.has(parent))) continue
      this.early.delete(id)
      if (this.held.has(id)) continue
      this.held.set(id, decoded)
      this.membership.add([decoded.operation])
      this.set.add(decoded.id)
      added.push(decoded)
    }
    if (added.length > 0) for (const listener of this.listeners) listener(added)
    return { added, waiting: this.early.size, refused }
  }

  /** Makes an operation on top of all that is here, by the key of that name. Answers its id. */
  sign(by: string, proof: Uint8Array | null, payload: Payload): Uint8Array {
    const { bytes, id } = made({ space: this.space, parents: this.heads(), proof, time: 0, payload }, keyOf(by))
    this.taken([bytes])
    return id
  }
}

/** A space that "ann" founded, whose other people have one device each: the key of "<name>, device". */
export const foundedByAnn = () => {
  const deviceOf = (name: string) => `${name}, device`
  const founding = new Person("ann").founding(deviceOf("ann"))
  const genesis = made(
    { space: new Uint8Array(32), parents: [], proof: null, time: 0, payload: founding },
    keyOf(deviceOf("ann"))
  )
  const ann = new OperationsInMemory(genesis.id, [genesis.bytes])
  const admit = (name: string) => ann.sign(deviceOf("ann"), genesis.id, new Person(name).admission(genesis.id, deviceOf(name), 2))
  const remove = (name: string) => {
    const { identity } = new Person(name)
    return ann.sign(deviceOf("ann"), genesis.id, { type: "Cap", identity, maxRole: 0, frontier: [], voidFrom: null })
  }
  /** Operations of their own for somebody who holds all that ann does. */
  const copy = () => new OperationsInMemory(genesis.id, ann.bytes())
  const standing = (operations: OperationsInMemory, name: string) =>
    operations.membership.device(feedText(keyOf(deviceOf(name)).publicKey)).standing
  return { space: genesis.id, genesis: genesis.id, ann, admit, remove, copy, deviceOf, standing }
}
