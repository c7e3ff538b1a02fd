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

  /** Whether there is room for one more operation of this signer, if he is out; who is let in by somebody that is not shows that as ever. */
  takes(by: string): boolean {
    if (this.source.membership.device(by).standing !== "former") return true
    this.left ??= this.room()
    return this.left-- > 0
  }

  /** Whether more came than there is room for: whoever is out may have let in others, who were strangers when their operations came. */
  get isOverfull(): boolean {
    return this.room() < 0
  }

  private room(): number {
    const { membership } = this.source
    let room = quarantineOperationsMax
    for (const { operation } of this.source.list()) if (membership.standing(operation.id) === "quarantined") room--
    return room
  }

  /** What a device has signed, with what comes before that, and the peer may lack: as many as it takes at most, parents first. */
  of(device: string): ReadonlyArray<HeldOperation> {
    const signed = this.source.list().filter(({ operation: { by } }) => by === device)
    const ids = signed.map(({ operation: { id } }) => id)
    const { grants } = this.source.membership.device(device)
    return pastOf(this.source, ids, grants, this.sent).slice(0, quarantineOperationsMax)
  }
}
