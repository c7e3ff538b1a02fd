/**
 * Operations that came before their parents: kept within a bound, and found by the parent that they wait for.
 *
 * Their signatures hold, so of whoever has signed most the earliest goes first, and nobody else's is lost for it.
 */
import { waitingOperationBytesMax } from "../platform/Limits.ts"
import type { DecodedOperation } from "./OperationCodec.ts"

interface Waiting {
  readonly decoded: DecodedOperation
  readonly on: string
}

export class WaitingOperations {
  private readonly bytesMax: number
  /** By id, in the order in which they came. */
  private readonly waiting = new Map<string, Waiting>()
  private readonly byParent = new Map<string, Set<string>>()
  private readonly bytesBy = new Map<string, number>()
  private bytes = 0

  constructor(bytesMax = waitingOperationBytesMax) {
    this.bytesMax = bytesMax
  }

  get size(): number {
    return this.waiting.size
  }

  /** Keeps an operation until its parent `on` is here. */
  put(decoded: DecodedOperation, on: string): void {
    const { id } = decoded.operation
    if (this.waiting.has(id)) return
    this.waiting.set(id, { decoded, on })
    const others = this.byParent.get(on)
    if (others === undefined) this.byParent.set(on, new Set([id]))
    else others.add(id)
    this.count(decoded, 1)
    while (this.bytes > this.bytesMax) this.forget(this.greediest())
  }

  /** Takes out what waited for an operation. */
  release(parent: string): ReadonlyArray<DecodedOperation> {
    return [...(this.byParent.get(parent) ?? [])].map((id) => {
      const { decoded } = this.waiting.get(id)!
      this.forget(id)
      return decoded
    })
  }

  /** Parents that are waited for and do not wait themselves. */
  missing(): ReadonlyArray<string> {
    return [...this.byParent.keys()].filter((parent) => !this.waiting.has(parent))
  }

  private count({ bytes, operation }: DecodedOperation, sign: 1 | -1): void {
    this.bytes += sign * bytes.length
    const left = (this.bytesBy.get(operation.by) ?? 0) + sign * bytes.length
    if (left === 0) this.bytesBy.delete(operation.by)
    else this.bytesBy.set(operation.by, left)
  }

  private forget(id: string): void {
    const { decoded, on } = this.waiting.get(id)!
    this.waiting.delete(id)
    const others = this.byParent.get(on)!
    others.delete(id)
    if (others.size === 0) this.byParent.delete(on)
    this.count(decoded, -1)
  }

  /** The earliest operation of whoever has most here. */
  private greediest(): string {
    const [by] = [...this.bytesBy].reduce((most, each) => (each[1] > most[1] ? each : most))
    for (const [id, { decoded }] of this.waiting) if (decoded.operation.by === by) return id
    throw new Error("bytes of nobody")
  }
}
