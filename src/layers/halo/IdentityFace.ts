/**
 * An identity as applications hold it: its name, its devices, and what it does in all of its spaces at once.
 *
 * What devices are called stands in the identity's own space, as objects that its devices alone can write; which devices there are, its
 * operations say.
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../schema/echo/ObjectType.ts"
import { readName, shownName } from "../../schema/halo/Name.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { Space, SpaceService } from "../../services/echo/SpaceService.ts"
import { type Identity, type IdentityDevice, NameInvalid, PhraseWrong } from "../../services/halo/IdentityService.ts"
import type { HeldIdentity, IdentityStore } from "../../services/halo/IdentityStore.ts"
import type { OperationStore } from "../../services/halo/OperationStore.ts"
import type { Crypto } from "../../services/platform/Crypto.ts"
import { historyOf } from "./IdentityHistory.ts"
import { admit, offerOf, revoke, spacesOf } from "./IdentitySpaces.ts"

/** What identities are made with. */
export interface Surroundings {
  readonly crypto: Crypto["Service"]
  readonly store: IdentityStore["Service"]
  readonly operations: OperationStore["Service"]
  readonly spaces: SpaceService["Service"]
  readonly urls: ReadonlyArray<string>
}

/** What a device of the identity is called. The key says which; of several objects the first counts. */
const DeviceName = ObjectType.make("troupe/device", { device: Schema.String, name: Schema.String, platform: Schema.String })

export const named = (given: string): Effect.Effect<string, NameInvalid> =>
  Effect.mapError(Effect.fromResult(readName(given)), (reason) => new NameInvalid({ reason }))

export const faceOf = (surroundings: Surroundings, held: HeldIdentity, space: Space): Identity => {
  const { operations, spaces, store } = surroundings
  const { membership } = space

  const called = Effect.map(space.query(DeviceName).all, (all) => new Map([...all].reverse().map((each) => [each.device, each])))

  const rename = Effect.fnUntraced(function* (device: string, given: string, platform = "") {
    const name = yield* named(given)
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
  })

  const devices = Effect.gen(function* () {
    const names = yield* called
    const rows = yield* membership.devices
    return rows.map((row): IdentityDevice => {
      const { name = "", platform = "" } = names.get(row.device) ?? {}
      return { ...row, name: shownName(name), platform: shownName(platform), isThis: row.device === held.deviceText }
    })
  })

  const wipe = Effect.gen(function* () {
    for (const { id } of yield* kept) yield* spaces.wipe(id)
    yield* spaces.wipe(held.text)
    yield* store.wipe(held)
  })

  return {
    id: held.text,
    device: held.deviceText,
    space,
    name: Effect.map(membership.people, ([self]) => self?.name ?? ""),
    setName: (name) => Effect.flatMap(named(name), membership.setName),
    devices,
    rename,
    isConfirmed: store.isConfirmed(held),
    confirm,
    offer: offerOf(held),
    admit: (acceptance) => admit(surroundings, held, acceptance),
    history: (device, since) => historyOf({ operations, spaces, kept, held, own: space }, device, since),
    revoke: (device, options = {}) => revoke(surroundings, held, space, device, options),
    spaces: kept,
    wipe
  }
}
