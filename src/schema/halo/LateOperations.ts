/**
 * Operations that a member who was removed still brings, so that others can store what it wrote: a part of ControlSync.
 *
 * They count nowhere, since whoever signed them is out, and are kept all the same: a feed is stored once some operation admits it. So
 * who is out can make others keep some. How many is bounded for each who was let in by what stands, and with him for all whom he has let in
 * since: nobody fills another's room, and nobody gets more by making up people.
 */
import { feedText } from "../echo/FeedTable.ts"
import { quarantineOperationsMax } from "../platform/Limits.ts"
import { type ControlSource, type HeldOperation, pastOf, type Signature } from "./ControlExchange.ts"

export class LateOperations {
  private readonly source: ControlSource
  private readonly signedBy: Signature
  /** Ids of what the peer has sent. */
  private readonly sent: Array<string> = []
  /** Null before what is kept was counted. */
  private rooms: Rooms | null = null

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
    this.rooms ??= new Rooms(this.source)
    return this.rooms.take(by)
  }

  /** Whether more came than there is room for: whoever is out may have let in others, who were strangers when their operations came. */
  isOverfull(device: string): boolean {
    return new Rooms(this.source).leftOf(device) < 0
  }

  /** What a device has signed, with what comes before that, and the peer may lack: as many as it takes at most, parents first. */
  of(device: string): ReadonlyArray<HeldOperation> {
    const signed = this.source.list().filter(({ operation: { by } }) => by === device)
    const ids = signed.map(({ operation: { id } }) => id)
    const { grants } = this.source.membership.device(device)
    return pastOf(this.source, ids, grants, this.sent).slice(0, quarantineOperationsMax)
  }
}

/** How many operations that do not stand are kept here, each in the room of who was let in by what stands and brought them about. */
class Rooms {
  private readonly source: ControlSource
  private readonly kept = new Map<string, number>()
  /** Of each operation that does not stand, in whose room it is: an identity. */
  private readonly places = new Map<string, string>()

  constructor(source: ControlSource) {
    this.source = source
    for (const { operation } of source.list()) {
      if (source.membership.standing(operation.id) !== "quarantined") continue
      const { identity, rights } = source.membership.entry(operation.id)!
      const place = this.placeOf(rights[0]) ?? identity
      this.places.set(operation.id, place)
      this.put(place)
    }
  }

  /** How many more are taken of a device. */
  leftOf(device: string): number {
    return quarantineOperationsMax - (this.kept.get(this.roomOf(device)) ?? 0)
  }

  take(device: string): boolean {
    const isTaken = this.leftOf(device) > 0
    if (isTaken) this.put(this.roomOf(device))
    return isTaken
  }

  private put(place: string): void {
    this.kept.set(place, (this.kept.get(place) ?? 0) + 1)
  }

  /** The room of who is out: his own, or that of whoever let him in when he was out himself. */
  private roomOf(device: string): string {
    const { membership } = this.source
    const [grant] = membership.device(device).grants
    return this.placeOf(grant) ?? membership.holder(grant ?? null, device) ?? ""
  }

  private placeOf(grant: string | undefined): string | undefined {
    return grant === undefined ? undefined : this.places.get(grant)
  }
}
