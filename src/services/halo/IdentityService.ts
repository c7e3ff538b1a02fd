/**
 * The identities of this device's person: made here, or brought from another device, each with devices, a name and spaces of its own.
 *
 * An identity has a space of its own, which holds its name and what its devices are called, and is replicated among them. Several on one
 * device know nothing of each other. What the seed phrase can and cannot bring back: docs/identity.md.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { AdmissionInvalid } from "../../schema/halo/AdmissionText.ts"
import type { MnemonicInvalid } from "../../schema/halo/Mnemonic.ts"
import type { NameInvalid } from "../../schema/halo/Name.ts"
import type { OpenError, Space, SpaceClosed, WriteError } from "../echo/SpaceService.ts"
import type { KeyMissing } from "../platform/Keyring.ts"
import type { StorageError } from "../platform/Storage.ts"
import type { IdentityMissing } from "./IdentityStore.ts"
import type { NotPermitted } from "./OperationStore.ts"
import type { ChangeError, OwnDevice, PhraseNeeded, Removed, Revoking } from "./SpaceMembership.ts"

/** A device of an identity. */
export interface IdentityDevice extends OwnDevice {
  /** What people call it, and what it runs on; empty while nothing is known. */
  readonly name: string
  readonly platform: string
  readonly isThis: boolean
}

/** What an identity tells of itself by `changes`. Who is online, and who was seen when, its `devices` say. */
export interface IdentityView {
  readonly name: string
  readonly isConfirmed: boolean
  readonly devices: ReadonlyArray<Pick<IdentityDevice, "device" | "name" | "platform" | "isThis">>
  /** Set when this device was taken away from the identity: of the others it hears nothing from then on. */
  readonly removed: Removed | null
}

/** Something that a device did: an operation in the identity's own space (null) or in another, in words. */
export interface Deed {
  readonly space: string | null
  readonly operation: string
  /** Milliseconds since 1970, as the device says. */
  readonly time: number
  readonly says: string
}

/** What a device did since a time. */
export interface DeviceHistory {
  readonly deeds: ReadonlyArray<Deed>
  /** How many change sets it wrote in each space, by the space's id. */
  readonly changes: ReadonlyMap<string, number>
}

export type IdentityError = OpenError | WriteError | NotPermitted

export interface Identity {
  readonly id: string
  /** The key by which this device is known as one of the identity's. */
  readonly device: string
  /** The identity's own space. */
  readonly space: Space
  readonly name: Effect.Effect<string, SpaceClosed>
  readonly setName: (name: string) => Effect.Effect<void, WriteError | NameInvalid>
  readonly devices: Effect.Effect<ReadonlyArray<IdentityDevice>, SpaceClosed | StorageError>
  readonly rename: (device: string, name: string, platform?: string) => Effect.Effect<void, WriteError | NameInvalid>
  /** What it is now, and again after each change of that. A slow reader is told less, never the same twice. */
  readonly changes: Stream.Stream<IdentityView, SpaceClosed | StorageError>
  /** Whether somebody has typed the phrase that was shown when the identity was made. */
  readonly isConfirmed: Effect.Effect<boolean, StorageError>
  readonly confirm: (typed: Redacted.Redacted<string>) => Effect.Effect<void, MnemonicInvalid | PhraseWrong | StorageError>
  /** A text for a device that is to be one of the identity's: its acceptance goes to `admit`. */
  readonly offer: string
  /** Adds a device that accepted, here and in every space of the identity. Answers a text with which it enters (`peer.enter`). */
  readonly admit: (acceptance: string) => Effect.Effect<string, IdentityError | AdmissionInvalid>
  /** What a device did since a time, so that one can say from when on it was not its owner's any more. */
  readonly history: (device: string, since: number) => Effect.Effect<DeviceHistory, OpenError>
  /**
   * Takes a device away, in every space of the identity. With `since`, what it did from then on is void. Of a device that is not below this
   * one only the phrase can.
   */
  readonly revoke: (
    device: string,
    options?: Revoking
  ) => Effect.Effect<void, OpenError | ChangeError | PhraseNeeded | MnemonicInvalid>
  /** The spaces of this identity that are kept here. */
  readonly spaces: Effect.Effect<ReadonlyArray<{ readonly id: string; readonly ticket: string }>, StorageError>
  /** Removes the identity from this device, with its keys and its spaces. Others are not told: revoke the device first. */
  readonly wipe: Effect.Effect<void, StorageError>
}

export interface CreateOptions {
  readonly name: string
  readonly words?: 12 | 24
  /** What this device is called, and what it runs on. */
  readonly device?: string
  readonly platform?: string
}

export interface Created {
  readonly identity: Identity
  /** Shown once, and kept nowhere: whoever has these words is the identity. */
  readonly phrase: Redacted.Redacted<string>
  /** What the words can bring back, and what they cannot, for people. */
  readonly limits: string
}

export class IdentityService extends Context.Service<
  IdentityService,
  {
    readonly create: (options: CreateOptions) => Effect.Effect<Created, IdentityError | NameInvalid>
    /** The identities of this device, the earliest first; their own spaces are opened. */
    readonly list: Effect.Effect<ReadonlyArray<Identity>, OpenError>
    /** The same now, and again when one was made, came from another device, or was wiped. */
    readonly changes: Stream.Stream<ReadonlyArray<Identity>, OpenError>
    readonly get: (id: string) => Effect.Effect<Identity, OpenError>
    /** Answers an offer: of a space, as an identity of this device (the first, unless another is named), or to be a device of another's. */
    readonly accept: (
      offer: string,
      options?: { readonly identity?: string }
    ) => Effect.Effect<string, AdmissionInvalid | IdentityMissing | KeyMissing | StorageError>
    /**
     * Enters with a welcome, when it has what was accepted. Answers the space; to a device of an identity, the identity's own, whose id is
     * the identity's. Entering twice is entering once.
     */
    readonly enter: (welcome: string) => Effect.Effect<Space, IdentityError | AdmissionInvalid>
  }
>()("troupe/halo/IdentityService") {}

/** These are not the words that were shown when the identity was made. */
export class PhraseWrong extends Schema.TaggedError<PhraseWrong>()("PhraseWrong", { identity: Schema.String }) {
  override get message() {
    return `these words are a phrase, and not that of identity ${this.identity}. Type those that were shown when it was made.`
  }
}
