/**
 * Spaces: make one, open one with a ticket, write objects into it, ask for them, and know how far others have it.
 *
 * A space is a replication domain. What one writes is seen here at once, by peers when it is durable, and merges everywhere to the
 * same state. The way of a mutation is told in ARCHITECTURE.md.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Value } from "../../schema/echo/ChangeSet.ts"
import type { ObjectInvalid, ObjectOf, ObjectType, PatchOf, PropertyInvalid, PropsOf } from "../../schema/echo/ObjectType.ts"
import type { Delta, QueryOptions } from "../../schema/echo/Query.ts"
import type { TicketInvalid } from "../../schema/echo/Space.ts"
import type { IdentityMissing } from "../halo/IdentityStore.ts"
import type { SpaceMembership } from "../halo/SpaceMembership.ts"
import type { KeyMissing } from "../platform/Keyring.ts"
import type { Durability, StorageError } from "../platform/Storage.ts"
import type { AppendError, Audit, AuditFailed, ManifestRefused } from "./FeedStore.ts"

/**
 * Several mutations as one change set: all or nothing here, and on every peer. What is refused is thrown, and answered typed by `change`
 * even when it was caught. It can be used until the function given to `change` returns.
 */
export interface Transaction {
  readonly create: <T extends ObjectType>(type: T, properties: PropsOf<T>) => ObjectOf<T>
  readonly update: <T extends ObjectType>(object: ObjectOf<T> | ObjectInvalid<T>, patch: PatchOf<T>) => void
  readonly delete: (object: ObjectOf<ObjectType> | ObjectInvalid) => void
  readonly restore: (object: ObjectOf<ObjectType> | ObjectInvalid) => void
  /**
   * Says who writes here; a reader may do that, too. Of the names that a person's devices say the one with the greatest `order` is shown, and
   * of those the latest: `membership.setName` gives one where a clock was far ahead.
   */
  readonly profile: (properties: { readonly name: string; readonly order?: number }) => void
}

/** What a change set became. Its dots are (feed, first) … (feed, first + count − 1). */
export interface Receipt {
  /** The feed as text. */
  readonly feed: string
  readonly first: number
  readonly count: number
  /** Hybrid logical clock (docs/format.md#time). */
  readonly time: number
  /** What the change set had newly applied of other feeds. */
  readonly deps: ReadonlyArray<{ readonly feed: string; readonly counter: number }>
}

/** A feed whose author signed blocks that are nonsense, and how many: they were passed over, here as on every device. */
export interface Flagged {
  readonly feed: string
  readonly blocks: number
}

/** One of the values that concurrent writes left. */
export interface Conflict {
  /** Where: the property, and the keys below it when only a part of a record is in conflict. */
  readonly path: ReadonlyArray<string>
  /** As it is stored: what the property's Schema encodes to. */
  readonly value: Value
  /** The mutation that wrote it; the feed as text, as in a `Receipt`. */
  readonly dot: { readonly feed: string; readonly counter: number }
  readonly time: number
}

/** What this device knows of its own writes, and of what keeps the space from going on. Counters are dots of this device's feed. */
export interface SpaceStatus {
  /** Merged here. */
  readonly local: number
  /** Durable here. */
  readonly durable: number
  /** Handed to at least one peer. */
  readonly sent: number
  /** Stored by a device, as it acknowledged it itself. */
  readonly acknowledgedBy: ReadonlyMap<string, number>
  /** Devices that are connected now. */
  readonly connected: ReadonlyArray<string>
  /** Feeds that wait and connections that failed, each with its reason in words; empty when all is well. */
  readonly stuck: ReadonlyArray<string>
  readonly flagged: ReadonlyArray<Flagged>
  /** How many objects were read here that do not fit their type: `query(type).invalid` names them. */
  readonly invalid: number
  /** Why the space cannot be written, or null. */
  readonly readOnly: string | null
  /**
   * What the space has crashed with while it is being restarted, else null. Until it is up again, nobody is connected, and the rest is as
   * it was.
   */
  readonly restarting: string | null
}

/** What an audit checked, and what of it is signed as it should be and nonsense nevertheless. */
export interface SpaceAudit extends Audit {
  readonly flagged: ReadonlyArray<Flagged>
}

/** A live query. */
export interface Query<A, Invalid = ObjectInvalid> {
  /** The results now. */
  readonly all: Effect.Effect<ReadonlyArray<A>, SpaceClosed>
  /** What would be in the results if it fitted the type, each with the reason. `update` and `delete` take it as an object. */
  readonly invalid: Effect.Effect<ReadonlyArray<Invalid>, SpaceClosed>
  /** A result, waited for when there is none yet. */
  readonly first: Effect.Effect<A, SpaceClosed>
  /** The results now as `added`, then every change. A slow reader gets fewer, larger deltas, never a growing queue. */
  readonly changes: Stream.Stream<Delta<A>, SpaceClosed>
}

export interface WriteOptions {
  /** `strict` by default: the Effect ends when the change is on the medium. */
  readonly durability?: Durability
  /**
   * Names this change, so that it is made once however often it is asked for: a repetition writes nothing and gets the first receipt, in
   * whichever life of the space or the process, among the last 1,000 commands of this device in the space. Choose it once for each change
   * that is meant (a UUID), and keep it for repetitions. What changed nothing is not remembered. The function of a repeated `change` runs
   * again, over the objects that it made the first time, only for what it answers. It has to do to the same objects and properties what was
   * done, or it dies, being another change; values may differ, and what is answered is the object as it is then.
   */
  readonly command?: string
}

/**
 * A space that is open. It is valid until it is closed: should the space crash, a supervisor restarts it from what is durable, reads wait
 * until it is up again, and live queries go on with what differs.
 */
export interface Space {
  /** The space's id as text. */
  readonly id: string
  /** What another member device opens the space with. */
  readonly ticket: string
  /** The public keys of the member devices, as text, this one among them. */
  readonly members: ReadonlyArray<string>
  readonly name: Effect.Effect<string, SpaceClosed>
  /** Who is in, and how others come and go. Where the members are devices, nobody does. */
  readonly membership: SpaceMembership
  readonly create: <T extends ObjectType>(
    type: T,
    properties: PropsOf<T>,
    options?: WriteOptions
  ) => Effect.Effect<ObjectOf<T>, WriteError>
  /**
   * Puts the given properties; an object as value is merged key by key with what others write inside it. Answers the object as it is
   * then, deleted ones too; `ObjectInvalid`, with the change made, when it does not fit its type even so.
   */
  readonly update: <T extends ObjectType>(
    object: ObjectOf<T> | ObjectInvalid<T>,
    patch: PatchOf<T>,
    options?: WriteOptions
  ) => Effect.Effect<ObjectOf<T>, WriteError | ObjectInvalid<T>>
  /** Hides an object; edits inside it are kept, and `restore` brings it back. */
  readonly delete: (object: ObjectOf<ObjectType> | ObjectInvalid, options?: WriteOptions) => Effect.Effect<void, WriteError>
  readonly restore: (object: ObjectOf<ObjectType> | ObjectInvalid, options?: WriteOptions) => Effect.Effect<void, WriteError>
  /** Runs the function at once, which must not be async nor answer an Effect, and commits what it did as one change set. */
  readonly change: <A>(
    body: (transaction: Transaction) => A,
    options?: WriteOptions
  ) => Effect.Effect<{ readonly value: A; readonly receipt: Receipt | null }, WriteError>
  /** An object by its id, or undefined when there is none, it is deleted, or it does not fit (`query(type).invalid` tells why). */
  readonly get: <T extends ObjectType>(type: T, id: string) => Effect.Effect<ObjectOf<T> | undefined, SpaceClosed>
  readonly query: <T extends ObjectType>(type: T, options?: QueryOptions<T>) => Query<ObjectOf<T>, ObjectInvalid<T>>
  /**
   * Every value of a property that no other write has seen, greatest first, then those of each part of it that is in conflict: one in
   * all when nobody disagrees.
   */
  readonly conflicts: <T extends ObjectType>(
    object: ObjectOf<T> | ObjectInvalid<T>,
    key: keyof PropsOf<T> & string
  ) => Effect.Effect<ReadonlyArray<Conflict>, SpaceClosed>
  /** How many registers of the space have more than one head. */
  readonly conflictCount: Effect.Effect<number, SpaceClosed>
  /** The order-independent hash of the whole state, hex: equal on peers that have applied the same. Finds accidents, attests nothing. */
  readonly stateHash: Effect.Effect<string, SpaceClosed>
  /** The hash of what is applied, hex: equal frontiers mean equal state. */
  readonly frontier: Effect.Effect<string, SpaceClosed>
  readonly status: Stream.Stream<SpaceStatus, SpaceClosed>
  /**
   * Ends when all that is here at the call is durable here and stored by that device, or by that many devices.
   * That is what the device acknowledged last: on this connection when it is connected, else on the one before. What became of its
   * storage while it is away nobody can know here; once it is back, only what it says anew counts.
   */
  readonly synced: (
    peer: string | { readonly quorum: number }
  ) => Effect.Effect<void, SpaceClosed | SpaceRestarted | PeerInvalid | QuorumInvalid>
  /** Verifies everything stored of the space anew: signatures, hashes, manifests. Tells what of it is signed nonsense. */
  readonly audit: Effect.Effect<SpaceAudit, AuditFailed | StorageError | SpaceClosed>
  /** Ends when the space is closed, with the reason when it was a fault. */
  readonly closed: Effect.Effect<void, SpaceClosed>
  /**
   * Closes the space on this device: what is pending is flushed, its connections end. It is kept, and can be opened again. That waits for
   * the storage; whoever does not (`Effect.timeout`) leaves it to close when the storage answers.
   */
  readonly close: Effect.Effect<void>
}

export class SpaceService extends Context.Service<
  SpaceService,
  {
    /**
     * Makes a space, which belongs to an identity of this device: the first one, unless another is named. Who else is in, its operations say
     * from then on. On a device without identity, and where `members` are given (public keys as text), the members are this device and
     * those, for good. Should it crash meanwhile, its name is written once.
     */
    readonly create: (options: {
      readonly name: string
      readonly identity?: string
      readonly members?: ReadonlyArray<string>
    }) => Effect.Effect<Space, MemberInvalid | MembersTooMany | OpenError | WriteError>
    /**
     * Opens the space of a ticket, and keeps it. Opening an open space answers the same one. `SpaceClosed`, with the reason, when it
     * crashed meanwhile more often than it is restarted.
     */
    readonly open: (ticket: string) => Effect.Effect<Space, OpenError>
    /** The spaces that this device keeps, by id and ticket; without those that hold an identity itself. */
    readonly list: Effect.Effect<ReadonlyArray<{ readonly id: string; readonly ticket: string }>, StorageError>
    /** Closes a space and removes all of it from this device, with the keys of its feeds. Others are not told. */
    readonly wipe: (id: string) => Effect.Effect<void, StorageError>
  }
>()("troupe/echo/SpaceService") {}

/** A name in `members` is not a device's public key. */
export class MemberInvalid extends Schema.TaggedError<MemberInvalid>()("MemberInvalid", { member: Schema.String }) {
  override get message() {
    return `"${this.member}" is not a device. Give peer.device of the other device, as it prints it.`
  }
}

/** A space would have more members than one may have. */
export class MembersTooMany extends Schema.TaggedError<MembersTooMany>()("MembersTooMany", {
  members: Schema.Number,
  membersMax: Schema.Number
}) {
  override get message() {
    return `a space of ${this.members} devices cannot be made: it may have ${this.membersMax}, this one among them. Name fewer members.`
  }
}

/** A device that cannot be waited for. */
export class PeerInvalid extends Schema.TaggedError<PeerInvalid>()("PeerInvalid", {
  peer: Schema.String,
  isOwn: Schema.Boolean
}) {
  override get message() {
    return this.isOwn
      ? `"${this.peer}" is this device itself, which has all that its own writes answered. Name another member.`
      : `"${this.peer}" is no member of this space, so it will never have it. Name a device as space.members lists it.`
  }
}

/** A number of devices that can never have a space. */
export class QuorumInvalid extends Schema.TaggedError<QuorumInvalid>()("QuorumInvalid", {
  quorum: Schema.Number,
  others: Schema.Number
}) {
  override get message() {
    return `a quorum of ${this.quorum} can never be reached: the members besides this device are ${this.others}. Ask for a whole number from 0 to ${this.others}.`
  }
}

/** The ticket is for a space that does not list this device. */
export class NotMember extends Schema.TaggedError<NotMember>()("NotMember", { device: Schema.String, space: Schema.String }) {
  override get message() {
    return `this device (${this.device}) is no member of space ${this.space}. Ask its creator for a space that lists it.`
  }
}

/** The space was closed, or crashed too often to be restarted once more; other spaces go on. */
export class SpaceClosed extends Schema.TaggedError<SpaceClosed>()("SpaceClosed", {
  space: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `space ${this.space} is closed: ${this.reason}. Open it again with its ticket.`
  }
}

/** The space crashed while this was under way, and is being restarted from what is durable. */
export class SpaceRestarted extends Schema.TaggedError<SpaceRestarted>()("SpaceRestarted", {
  space: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `space ${this.space} crashed (${this.reason}) while this was under way: whether it was done is not known. Repeat a write with the same command, which is carried out once; without one, look first.`
  }
}

/** The space holds what this version cannot read, so it must not write. */
export class SpaceReadOnly extends Schema.TaggedError<SpaceReadOnly>()("SpaceReadOnly", {
  space: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `space ${this.space} can be read but not written: ${this.reason}`
  }
}

/** What this device's person may do here does not include what was asked. */
export class NotAuthorized extends Schema.TaggedError<NotAuthorized>()("NotAuthorized", {
  space: Schema.String,
  why: Schema.Literals(["removed", "reader"])
}) {
  override get message() {
    return this.why === "reader"
      ? `you are a reader in space ${this.space} and cannot change its objects. Ask an admin for the editor role.`
      : `you are no member of space ${this.space} any more. What is here can still be read; ask an admin to let you in again.`
  }
}

/** The object that was to be changed is not here. */
export class ObjectMissing extends Schema.TaggedError<ObjectMissing>()("ObjectMissing", { id: Schema.String }) {
  override get message() {
    return `there is no object ${this.id} in this space. Query for it again; it may be of another space.`
  }
}

/** The object is here, but was given by its id alone, and no type or several types of its name were used in this space. */
export class ObjectUntyped extends Schema.TaggedError<ObjectUntyped>()("ObjectUntyped", { id: Schema.String }) {
  override get message() {
    return `object ${this.id} is in this space, but its id alone does not say its type. Give the object as create, get or a query answered it.`
  }
}

export type WriteError =
  | AppendError
  | PropertyInvalid
  | ObjectMissing
  | ObjectUntyped
  | SpaceReadOnly
  | NotAuthorized
  | SpaceRestarted
  | SpaceClosed
export type OpenError = TicketInvalid | NotMember | IdentityMissing | StorageError | KeyMissing | ManifestRefused | SpaceClosed
