/**
 * Who is in a space: people with roles, how they come in, how they go, and by what right. Of a space whose members are identities.
 *
 * Everything here is a control operation that this device signs, and that every other device judges by itself; nobody has to be online.
 * What each of them promises: docs/security.md#membership.
 */
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { AdmissionInvalid } from "../../schema/halo/AdmissionText.ts"
import type { MnemonicInvalid } from "../../schema/halo/Mnemonic.ts"
import type { NameInvalid } from "../../schema/halo/Name.ts"
import type { SpaceClosed, WriteError } from "../echo/SpaceService.ts"
import { moment, object, optional, phrase } from "../platform/Arguments.ts"
import type { KeyMissing } from "../platform/Keyring.ts"
import type { StorageError } from "../platform/Storage.ts"
import type { NotPermitted } from "./OperationStore.ts"

/** What a member may do, a later one all that an earlier one may: read, write, admit and remove, own. */
export type RoleName = "reader" | "editor" | "admin" | "owner"

/** Somebody who is in. */
export interface Person {
  /** The identity, as text. */
  readonly identity: string
  readonly role: RoleName
  /** As the person says; two people may say the same. Empty while nothing is known. */
  readonly name: string
  /** The keys of the devices, as text. */
  readonly devices: ReadonlyArray<string>
  readonly isSelf: boolean
}

/** A device of this device's own person. */
export interface OwnDevice {
  readonly device: string
  /** Whether this device may take it away by itself; of another the phrase can. */
  readonly isBelow: boolean
  readonly isOnline: boolean
  /** Milliseconds since 1970: when it was added, as whoever added it says; now, where he says later. */
  readonly addedAt: number
  /** When it last wrote here, in the same way; null when nothing of it is here. */
  readonly lastSeen: number | null
}

/** Why this device's person is no member any more. */
export interface Removed {
  /** The identity that removed him, or null when he left. */
  readonly by: string | null
  /** Milliseconds since 1970, as whoever did it says. */
  readonly time: number
  /** How many of the last counters of this device's feed no other device has acknowledged. */
  readonly unsent: number
}

/** What somebody wrote that does not count, since his right was taken away before others had seen it. */
export interface Withheld {
  readonly feed: string
  readonly device: string
  readonly identity: string
  /** The first counter that does not count, and the last one that is here. */
  readonly from: number
  readonly to: number
}

export interface Revoking {
  /** From when on what was done is not to count, in milliseconds since 1970; what was seen before stays. */
  readonly since?: number
  /** The words of one's own identity, which may take away each of its devices. */
  readonly phrase?: Redacted.Redacted<string>
}

export const aRevocation = object<Revoking>({ since: optional(moment), phrase: optional(phrase) })

export type ChangeError = NotPermitted | KeyMissing | StorageError | SpaceClosed

/** What was asked takes the words of the phrase: this device alone may not do it. */
export class PhraseNeeded extends Schema.TaggedError<PhraseNeeded>()("PhraseNeeded", { what: Schema.String }) {
  override get message() {
    return `${this.what} takes the seed phrase: this device alone may not do it. Give the words, as they were shown when the identity was made.`
  }
}

export interface SpaceMembership {
  /** This device's person's role; null when he is no member. */
  readonly role: Effect.Effect<RoleName | null, SpaceClosed>
  readonly people: Effect.Effect<ReadonlyArray<Person>, SpaceClosed>
  /** The people now, and again after each change. */
  readonly changes: Stream.Stream<ReadonlyArray<Person>, SpaceClosed>
  readonly devices: Effect.Effect<ReadonlyArray<OwnDevice>, SpaceClosed | StorageError>
  /** How many change sets a device wrote since a time, as it says. */
  readonly changesBy: (device: string, since: number) => Effect.Effect<number, SpaceClosed | StorageError>
  readonly policy: Effect.Effect<"invite" | "locked", SpaceClosed>
  /** Set when this device's person was removed, or left. */
  readonly removed: Effect.Effect<Removed | null, SpaceClosed>
  /** A text for whoever is to come in: its acceptance goes to `admit`. */
  readonly offer: (role: RoleName) => Effect.Effect<string, ChangeError>
  /** Lets in who accepted an offer. Answers a text with which that device enters (`peer.enter`). */
  readonly admit: (acceptance: string) => Effect.Effect<string, ChangeError | AdmissionInvalid>
  /** Removes somebody, or takes all roles above one from him, of whoever stands strictly below. */
  readonly remove: (identity: string, options?: Revoking) => Effect.Effect<void, ChangeError>
  readonly demote: (identity: string, role: Exclude<RoleName, "owner">, options?: Revoking) => Effect.Effect<void, ChangeError>
  /** Of one's own identity what is below this device, or with the phrase any; of others' what is below oneself. */
  readonly removeDevice: (
    identity: string,
    device: string,
    options?: Revoking
  ) => Effect.Effect<void, ChangeError | MnemonicInvalid | PhraseNeeded>
  /** Leaves, for good. An owner has to give the phrase: nobody above him could bring him back. */
  readonly leave: (phrase?: Redacted.Redacted<string>) => Effect.Effect<void, ChangeError | MnemonicInvalid | PhraseNeeded>
  readonly setPolicy: (policy: "invite" | "locked") => Effect.Effect<void, ChangeError>
  /** What is here and does not count. */
  readonly withheld: Effect.Effect<ReadonlyArray<Withheld>, SpaceClosed>
  /** Lets count what a feed holds up to now. */
  readonly endorse: (feed: string) => Effect.Effect<void, ChangeError>
  /**
   * Who let somebody in and by what right, a list of sentences for each time: what let him in first, then what that rests on, up to the one
   * who founded the space, with what took it away since.
   */
  readonly provenance: (identity: string) => Effect.Effect<ReadonlyArray<ReadonlyArray<string>>, SpaceClosed>
  /** Says who this person is, in this space. */
  readonly setName: (name: string) => Effect.Effect<void, WriteError | NameInvalid>
}
