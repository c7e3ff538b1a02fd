/**
 * Devices that bring each other their control operations without a runtime: the real machine and the real judge of operations, queues of
 * frames, and a seeded choice of what happens next. Operations are unsigned text here; every message goes through the real codec.
 */
import { assert } from "@effect/vitest"
import * as Result from "effect/Result"
import { feedText } from "../../src/schema/echo/FeedTable.ts"
import { type ControlSource, type HeldOperation, pastOf } from "../../src/schema/halo/ControlExchange.ts"
import { type ControlMessage, decodeControl, encodeControl } from "../../src/schema/halo/ControlMessage.ts"
import { type ControlAction, type ControlEvent, ControlSync } from "../../src/schema/halo/ControlSync.ts"
import { Membership } from "../../src/schema/halo/Membership.ts"
import type { Deed, Operation, Subject } from "../../src/schema/halo/Operation.ts"
import { OperationSet } from "../../src/schema/halo/OperationSet.ts"
import { equalBytes } from "../../src/schema/platform/Codec.ts"
import { hash, keyOf } from "../echo/ReplicationNetwork.ts"

const utf8 = new TextEncoder()

/** What is signed, with its hash in place of a signature: whoever is named has said it. */
export const written = (operation: Omit<Operation, "id">): Uint8Array => {
  const text = utf8.encode(JSON.stringify(operation))
  return new Uint8Array(Buffer.concat([hash(text), text]))
}

const read = (bytes: Uint8Array): Omit<Operation, "id"> => JSON.parse(new TextDecoder().decode(bytes.subarray(32)))

export const idOf = (bytes: Uint8Array): Uint8Array | null => {
  const id = new Uint8Array(hash(bytes.subarray(32)))
  return equalBytes(id, bytes.subarray(0, 32)) ? id : null
}

const signedBy = (bytes: Uint8Array) => {
  const id = idOf(bytes)
  return id === null ? null : { id, by: read(bytes).by }
}

export const deviceOf = (name: string): string => feedText(keyOf(name))

export const subjectOf = (name: string): Subject => ({
  identity: `identity ${name}`,
  recovery: `recovery ${name}`,
  device: deviceOf(name)
})

/** What a device holds. Operations wait for their parents. */
export class Holder implements ControlSource {
  readonly name: string
  readonly key: Uint8Array
  readonly set = new OperationSet(hash)
  readonly membership = new Membership()
  readonly ends: Array<End> = []
  /** How many operations were refused. */
  refused = 0
  private readonly held = new Map<string, HeldOperation>()
  private readonly waiting = new Map<string, Uint8Array>()

  constructor(name: string, operations: ReadonlyArray<HeldOperation> = []) {
    this.name = name
    this.key = keyOf(name)
    this.take(operations.map(({ bytes }) => bytes))
  }

  find(id: string): HeldOperation | undefined {
    return this.held.get(id)
  }

  list(): ReadonlyArray<HeldOperation> {
    return [...this.held.values()]
  }

  /** How many of them were refused, and how many more wait. */
  take(operations: ReadonlyArray<Uint8Array>): { readonly refused: number; readonly waiting: number } {
    const before = { refused: this.refused, waiting: this.waiting.size }
    for (const bytes of operations) this.waiting.set(feedText(idOf(bytes)!), bytes.slice())
    const added: Array<HeldOperation> = []
    for (let isMore = true; isMore; ) {
      isMore = false
      for (const [id, bytes] of this.waiting) {
        if (!this.settle(id, bytes, added)) continue
        this.waiting.delete(id)
        isMore = true
      }
    }
    if (added.length > 0) for (const end of this.ends) end.step({ _tag: "Added", operations: added })
    return { refused: this.refused - before.refused, waiting: Math.max(0, this.waiting.size - before.waiting) }
  }

  /** Whether an operation waits no longer. */
  private settle(id: string, bytes: Uint8Array, added: Array<HeldOperation>): boolean {
    if (this.held.has(id)) return true
    const operation: Operation = { id, ...read(bytes) }
    if (operation.by === "nobody") {
      this.refused++
      return true
    }
    if (!operation.parents.every((parent) => this.held.has(parent))) return false
    const held = { id: idOf(bytes)!, bytes, operation }
    this.membership.add([operation])
    this.held.set(id, held)
    this.set.add(held.id)
    added.push(held)
    return true
  }

  get waitingCount(): number {
    return this.waiting.size
  }

  /** Makes an operation by a device on top of all that is here. */
  publish(by: string, proof: string | null, deed: Deed): string {
    const covered = new Set(this.list().flatMap(({ operation }) => operation.parents))
    const parents = [...this.held.keys()].filter((id) => !covered.has(id)).sort()
    const bytes = written({ parents: parents.slice(0, 32), by, proof, deed })
    this.take([bytes])
    return feedText(idOf(bytes)!)
  }
}

/** One end of a connection. */
export class End {
  readonly holder: Holder
  readonly sync: ControlSync
  readonly inbox: Array<Uint8Array> = []
  readonly heard: Array<ControlMessage> = []
  other!: End
  isInside = false
  closed: string | null = null
  private readonly clock: { now: number }

  constructor(holder: Holder, peer: Uint8Array, clock: { now: number }) {
    this.holder = holder
    this.clock = clock
    this.sync = new ControlSync({ source: holder, self: holder.key, peer, signedBy, now: clock.now })
    holder.ends.push(this)
  }

  /** One step of the machine; what it wants done is done at once. */
  step(event: ControlEvent): void {
    if (this.closed !== null) return
    const { actions, messages } = this.sync.step(event, this.clock.now)
    for (const message of messages) this.other?.inbox.push(encodeControl(message))
    for (const action of actions) this.follow(action)
  }

  private follow(action: ControlAction): void {
    if (action._tag === "Take") {
      if (this.sync.ending === null) this.step({ _tag: "Taken", ...this.holder.take(action.operations) })
    } else if (action._tag === "Enter") this.isInside = true
    else {
      this.closed = action._tag === "Close" ? action.reason : action._tag
      this.leave()
    }
  }

  receive(): void {
    const frame = this.inbox.shift()
    if (frame === undefined || this.closed !== null) return
    const message = decodeControl(frame)
    if (Result.isSuccess(message)) this.heard.push(message.success)
    this.step(
      Result.isSuccess(message)
        ? { _tag: "Received", message: message.success }
        : { _tag: "Garbled", reason: message.failure.message }
    )
  }

  leave(): void {
    const at = this.holder.ends.indexOf(this)
    if (at >= 0) this.holder.ends.splice(at, 1)
  }

  /** All operations that this end was sent. */
  get operationsHeard(): ReadonlyArray<Uint8Array> {
    return this.heard.flatMap((message) => (message._tag === "Ops" ? message.operations : []))
  }
}

export const connect = (a: Holder, b: Holder, clock = { now: 0 }): readonly [End, End] => {
  const ends = [new End(a, b.key, clock), new End(b, a.key, clock)] as const
  ends[0].other = ends[1]
  ends[1].other = ends[0]
  return ends
}

/** Lets two ends speak and hear, in an order of the seed's, until neither has anything to say. */
export const talk = (ends: readonly [End, End], random: () => number = () => 0.7, turnsMax = 100_000): void => {
  let quiet = 0
  for (let turn = 0; turn < turnsMax && quiet < 16; turn++) {
    const end = ends[turn % 2]!
    const before = ends[0].inbox.length + ends[1].inbox.length
    if (random() < 0.5) end.step({ _tag: "Writable" })
    else for (let left = 1 + Math.floor(random() * 4); left > 0; left--) end.receive()
    quiet = before === 0 && ends[0].inbox.length + ends[1].inbox.length === 0 ? quiet + 1 : 0
    if (quiet > 0) for (const each of ends) each.step({ _tag: "Writable" })
    if (ends[0].inbox.length + ends[1].inbox.length > 0) quiet = 0
  }
}

/** A space of "ann", with whoever she let in, in this order. */
export const spaceOf = (...names: ReadonlyArray<string>) => {
  const ann = new Holder("ann")
  const genesis = ann.publish(deviceOf("ann"), null, { type: "Genesis", subject: subjectOf("ann"), isLocked: false })
  const proofs = new Map([["ann", genesis]])
  const admit = (name: string) => {
    const id = ann.publish(deviceOf("ann"), genesis, { type: "Admit", subject: subjectOf(name), role: 2 })
    proofs.set(name, id)
    return id
  }
  for (const name of names) admit(name)
  const remove = (name: string) =>
    ann.publish(deviceOf("ann"), genesis, {
      type: "Cap",
      identity: subjectOf(name).identity,
      maxRole: 0,
      frontier: [],
      voidFrom: null
    })
  /** A device that has some operations and what came before them. */
  const holder = (name: string, ...ids: ReadonlyArray<string>) => new Holder(name, pastOf(ann, ids, []))
  const all = (name: string) => new Holder(name, ann.list())
  return { ann, genesis, proofs, admit, remove, holder, all }
}

/** A member says something that grants nothing. */
export const write = (holder: Holder, proof: string, n: number) =>
  holder.publish(deviceOf(holder.name), proof, {
    type: "AdmitFeed",
    feed: `feed ${n} of ${holder.name}`,
    device: deviceOf(holder.name)
  })

export const areSame = (a: Holder, b: Holder) => assert.deepStrictEqual(a.set.summary(), b.set.summary())
export const areInside = (...ends: ReadonlyArray<End>) => {
  for (const end of ends) assert.deepStrictEqual([end.isInside, end.closed], [true, null])
}
