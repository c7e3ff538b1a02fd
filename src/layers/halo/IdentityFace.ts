/**
 * An identity as applications hold it: its name, its devices, and what it does in all of its spaces at once.
 *
 * What devices are called stands in the identity's own space, as objects that its devices alone can write; which devices there are, its
 * operations say.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../schema/echo/ObjectType.ts"
import { decodeTicket } from "../../schema/echo/Space.ts"
import { decodeAcceptance, encodeOffer, encodeWelcome } from "../../schema/halo/Admission.ts"
import { AdmissionInvalid } from "../../schema/halo/AdmissionText.ts"
import { readName } from "../../schema/halo/Name.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { Space, SpaceService } from "../../services/echo/SpaceService.ts"
import { type Identity, type IdentityDevice, NameInvalid, PhraseWrong } from "../../services/halo/IdentityService.ts"
import type { HeldIdentity, IdentityStore } from "../../services/halo/IdentityStore.ts"
import { NotPermitted, type OperationStore } from "../../services/halo/OperationStore.ts"
import type { Revoking } from "../../services/halo/SpaceMembership.ts"
import type { Crypto } from "../../services/platform/Crypto.ts"
import { historyOf } from "./IdentityHistory.ts"

/** What identities are made with. */
export interface Surroundings {
  readonly crypto: Crypto["Service"]
  readonly store: IdentityStore["Service"]
  readonly operations: OperationStore["Service"]
  readonly spaces: SpaceService["Service"]
  readonly urls: ReadonlyArray<string>
}

/** What a device of the identity is called. The key says which; of several objects the last one written counts. */
const DeviceName = ObjectType.make("troupe/device", { device: Schema.String, name: Schema.String, platform: Schema.String })

export const named = (given: string): Effect.Effect<string, NameInvalid> =>
  Effect.mapError(Effect.fromResult(readName(given)), (reason) => new NameInvalid({ reason }))

export const faceOf = (surroundings: Surroundings, held: HeldIdentity, space: Space): Identity => {
  const { crypto, operations, spaces, store, urls } = surroundings
  const { membership } = space

  const rename = Effect.fnUntraced(function* (device: string, given: string, platform = "") {
    const name = yield* named(given)
    const known = (yield* space.query(DeviceName).all).find((each) => each.device === device)
    if (known === undefined) yield* space.create(DeviceName, { device, name, platform })
    else yield* Effect.ignore(space.update(known, platform === "" ? { name } : { name, platform }))
  })

  const kept = Effect.map(spaces.list, (all) =>
    all.filter(({ ticket }) => {
      const read = decodeTicket(ticket, crypto.hash)
      return Result.isSuccess(read) && "identity" in read.success && equalBytes(read.success.identity, held.id)
    })
  )

  const accepted = Effect.fnUntraced(function* (text: string) {
    const invalid = (reason: string) => new AdmissionInvalid({ expected: "acceptance", reason })
    const acceptance = yield* Effect.fromResult(decodeAcceptance(text, crypto.hash))
    if (acceptance.kind !== "device" || !equalBytes(acceptance.identity, held.id))
      return yield* invalid("it accepts what another has offered")
    const holds = yield* crypto.verify(acceptance.signatures)
    return holds.every(Boolean) ? acceptance : yield* invalid("a signature in it does not hold")
  })

  /** Adds a device in one graph, unless it is there. Answers the welcome to it. */
  const addedTo = Effect.fnUntraced(function* (
    id: Uint8Array,
    graph: Uint8Array | null,
    { acceptance, agreement, device }: { readonly [key in "acceptance" | "agreement" | "device"]: Uint8Array }
  ) {
    const { list, membership, publish } = yield* operations.open(id, graph)
    if (membership.rightOf(Base64Url.encode(device)) === null)
      yield* publish({ type: "AddDevice", device, agreement, acceptance }, { device: held.device })
    const bytes = list().map((each) => each.bytes)
    const welcome = encodeWelcome({ space: id, genesis: graph, operations: bytes, locators: urls })
    if (Result.isSuccess(welcome)) return welcome.success
    return yield* new NotPermitted({ what: "a welcome", reason: welcome.failure.message })
  }, Effect.scoped)

  const admit = Effect.fnUntraced(function* (text: string) {
    const acceptance = yield* accepted(text)
    const welcomes = [yield* addedTo(held.id, held.genesis, acceptance)]
    for (const { id } of yield* kept) welcomes.push(yield* addedTo(Result.getOrThrow(Base64Url.decode(id)), null, acceptance))
    return welcomes.join("\n")
  })

  const revoke = Effect.fnUntraced(function* (device: string, options: Revoking = {}) {
    // who may not do it here may do it nowhere
    yield* membership.removeDevice(held.text, device, options)
    for (const { ticket } of yield* kept) {
      const other = yield* spaces.open(ticket)
      yield* other.membership.removeDevice(held.text, device, options)
    }
  })

  const confirm = Effect.fnUntraced(function* (typed: Redacted.Redacted<string>) {
    const { encryption, identity, recovery } = yield* store.recovered(typed)
    recovery.secretKey.fill(0)
    encryption.secretKey.fill(0)
    if (!equalBytes(identity, held.id)) return yield* new PhraseWrong({ identity: held.text })
    yield* store.confirm(held)
  })

  const devices = Effect.gen(function* () {
    const called = new Map((yield* space.query(DeviceName).all).map((each) => [each.device, each]))
    const rows = yield* membership.devices
    return rows.map((row): IdentityDevice => {
      const { name = "", platform = "" } = called.get(row.device) ?? {}
      return { ...row, name, platform, isThis: row.device === held.deviceText }
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
    offer: encodeOffer({ kind: "device", genesis: held.genesis }),
    admit,
    history: (device, since) => historyOf({ operations, spaces, kept, held, own: space }, device, since),
    revoke,
    spaces: kept,
    wipe
  }
}
