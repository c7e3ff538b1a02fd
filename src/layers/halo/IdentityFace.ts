/**
 * An identity as applications hold it: its name, its devices, and what it does in all of its spaces at once.
 *
 * What devices are called stands in the identity's own space, as objects that its devices alone can write; which devices there are, its
 * operations say.
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ObjectType } from "../../schema/echo/ObjectType.ts"
import { readName, shownName } from "../../schema/halo/Name.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { Space, SpaceService } from "../../services/echo/SpaceService.ts"
import { type Identity, type IdentityDevice, type IdentityView, PhraseWrong } from "../../services/halo/IdentityService.ts"
import type { HeldIdentity, IdentityStore } from "../../services/halo/IdentityStore.ts"
import type { OperationStore } from "../../services/halo/OperationStore.ts"
import { aRevocation } from "../../services/halo/SpaceMembership.ts"
import { moment, optional, phrase, taking, text } from "../../services/platform/Arguments.ts"
import type { Crypto } from "../../services/platform/Crypto.ts"
import { watched } from "./IdentityChanges.ts"
import { historyOf } from "./IdentityHistory.ts"
import { admit, offerOf, revoke, spacesOf } from "./IdentitySpaces.ts"

/** What identities are made with. */
export interface Surroundings {
  readonly crypto: Crypto["Service"]
  readonly store: IdentityStore["Service"]
  readonly operations: OperationStore["Service"]
  readonly spaces: SpaceService["Service"]
  readonly urls: ReadonlyArray<string>
  /** Rings when what is kept here of identities has changed. */
  readonly rings: PubSub.PubSub<void>
}

/** What a device of the identity is called. The key says which; of several objects the first counts. */
const DeviceName = ObjectType.make("troupe/device", { device: Schema.String, name: Schema.String, platform: Schema.String })

const aDevice = text("the key of a device, as `devices` lists it")
const aName = text("a name")

const calledBy = (names: ReadonlyMap<string, { readonly name: string; readonly platform: string }>, device: string) => {
  const { name = "", platform = "" } = names.get(device) ?? {}
  return { name: shownName(name), platform: shownName(platform) }
}

export const faceOf = (surroundings: Surroundings, held: HeldIdentity, space: Space): Identity => {
  const { operations, rings, spaces, store } = surroundings
  const { membership } = space

  const called = Effect.map(space.query(DeviceName).all, (all) => new Map([...all].reverse().map((each) => [each.device, each])))

  const rename = Effect.fnUntraced(function* (device: string, given: string, platform = "") {
    const name = yield* Effect.fromResult(readName(given))
    const known = (yield* called).get(device)
    if (known === undefined) yield* space.create(DeviceName, { device, name, platform })
    else yield* Effect.catchTag(space.update(known, platform === "" ? { name } : { name, platform }), "ObjectInvalid", Effect.die)
  })

  const kept = spacesOf(surroundings, held)

  const confirm = Effect.fnUntraced(function* (typed: Redacted.Redacted<string>) {
    const { encryption, identity, recovery } = yield* store.recovered(typed)
    recovery.secretKey.fill(0)
    encryption.secretKey.fill(0)
    if (!equalBytes(identity, held.id)) return yield* new PhraseWrong({ identity: held.text })
    yield* store.confirm(held)
    yield* PubSub.publish(rings, undefined)
  })

  const devices = Effect.gen(function* () {
    const names = yield* called
    const rows = yield* membership.devices
    return rows.map((row): IdentityDevice => {
      return { ...row, ...calledBy(names, row.device), isThis: row.device === held.deviceText }
    })
  })

  const name = Effect.map(membership.people, ([self]) => self?.name ?? "")

  const view = Effect.gen(function* () {
    const names = yield* called
    const [self] = yield* membership.people
    const shown = (self?.devices ?? []).map((device) => ({
      device,
      ...calledBy(names, device),
      isThis: device === held.deviceText
    }))
    const [isConfirmed, removed] = [yield* store.isConfirmed(held), yield* membership.removed]
    return { name: self?.name ?? "", isConfirmed, devices: shown, removed } satisfies IdentityView
  })

  const wipe = Effect.gen(function* () {
    for (const { id } of yield* kept) yield* spaces.wipe(id)
    yield* spaces.wipe(held.text)
    yield* store.wipe(held)
    yield* PubSub.publish(rings, undefined)
  })

  return {
    id: held.text,
    device: held.deviceText,
    space,
    name,
    setName: membership.setName,
    devices,
    rename: taking("identity.rename", [aDevice, aName, optional(text("a platform"))], rename),
    changes: watched(rings, Stream.merge(membership.changes, space.query(DeviceName).changes), view, (told) => told),
    isConfirmed: store.isConfirmed(held),
    confirm: taking("identity.confirm", [phrase], confirm),
    offer: offerOf(held),
    admit: taking("identity.admit", [text("the text that `peer.accept` answered")], (acceptance) =>
      admit(surroundings, held, acceptance)
    ),
    history: taking("identity.history", [aDevice, moment], (device, since) =>
      historyOf({ operations, spaces, kept, held, own: space }, device, since)
    ),
    revoke: taking("identity.revoke", [aDevice, optional(aRevocation)], (device, options = {}) =>
      revoke(surroundings, held, space, device, options)
    ),
    spaces: kept,
    wipe
  }
}
