/**
 * Operations that a member who was removed still brings, so that others can store what it wrote: a part of ControlSync.
 *
 * They count nowhere, since whoever signed them is out, and are kept all the same: a feed is stored once some operation admits it. So
 * who is out can make others keep some, and how many they keep of all that do not stand is bounded.
 */
import { feedText } from "../echo/FeedTable.ts"
import { quarantineOperationsMax } from "../platform/Limits.ts"
import { type ControlSource, type HeldOperation, pastOf, type Signature } from "./ControlExchange.ts"

export class LateOperations {
  private readonly source: ControlSource
  private readonly signedBy: Signature
  /** Ids of what the peer has sent. */
  private readonly sent: Array<string> = []
  /** How many more are taken; null before it was counted. */
  private left: number | null = null

  constructor(source: ControlSource, signedBy: Signature) {
    this.source = source
    this.signedBy = signedBy
  }

  /** The peer has these, and what comes before them. */
  note(operations: ReadonlyArray<Uint8Array>): void {
    for (const operation of operations) {
      const signed = this.signedBy(operation)
      if (signed !== null) this.sent.push(feedText(signed.id))
    }
  }

  /** Whether there is room for one more operation of this signer. */
  takes(by: string): boolean {
    const { membership } = this.source
    if (membership.device(by).standing === "member") return true
    if (this.left === null) {
      const held = this.source.list().filter(({ operation: { id } }) => membership.standing(id) === "quarantined")
      this.left = quarantineOperationsMax - held.length
    }
    return this.left-- > 0
  }

  /** What a device has signed, with what comes before that, and the peer may lack: as many as it takes at most, parents first. */
  of(device: string): ReadonlyArray<HeldOperation> {
    const signed = this.source.list().filter(({ operation: { by } }) => by === device)
    const ids = signed.map(({ operation: { id } }) => id)
    const { grants } = this.source.membership.device(device)
    return pastOf(this.source, ids, grants, this.sent).slice(0, quarantineOperationsMax)
  }
}
