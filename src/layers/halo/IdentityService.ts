/**
 * IdentityService over the spaces of this device: an identity is its graph of operations (IdentityStore), and a space of its own for names.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { encodeIdentityTicket } from "../../schema/echo/Space.ts"
import { acceptingMessage, decodeOffer, encodeAcceptance } from "../../schema/halo/Admission.ts"
import { AdmissionInvalid } from "../../schema/halo/AdmissionText.ts"
import { decodeCertificate } from "../../schema/halo/Certificate.ts"
import { readName } from "../../schema/halo/Name.ts"
import { type Space, SpaceService } from "../../services/echo/SpaceService.ts"
import { type CreateOptions, IdentityService } from "../../services/halo/IdentityService.ts"
import { type HeldIdentity, IdentityMissing, IdentityStore } from "../../services/halo/IdentityStore.ts"
import { OperationStore } from "../../services/halo/OperationStore.ts"
import { object, oneOf, optional, taking, text } from "../../services/platform/Arguments.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { Keyring } from "../../services/platform/Keyring.ts"
import { makeRings, watched } from "./IdentityChanges.ts"
import { type Judged, judged, kept } from "./IdentityEntry.ts"
import { faceOf, type Surroundings } from "./IdentityFace.ts"
import { bring } from "./IdentitySpaces.ts"

/** Where signaling may be found, told to whoever comes in. */
export interface Options {
  readonly urls: ReadonlyArray<string>
}

const limits =
  "These words bring back the identity, and every space that another peer still holds. They do not bring back what is on this device alone, what it had not sent yet, or names that you gave to people here: add a second device."

const anIdentity = text("the id of an identity, as `identities.list` answers it")
const aPerson = object<CreateOptions>({
  name: text("a name"),
  words: optional(oneOf(12, 24)),
  device: optional(text("a name")),
  platform: optional(text("a platform"))
})

const untold = ({ text }: HeldIdentity) => `the own space of identity ${text} is not open`

const make = Effect.fnUntraced(function* ({ urls }: Options) {
  const crypto = yield* Crypto
  const keyring = yield* Keyring
  const store = yield* IdentityStore
  const operations = yield* OperationStore
  const spaces = yield* SpaceService
  const scope = yield* Effect.scope
  const following = new Set<string>()
  const rings = yield* makeRings
  const ring = PubSub.publish(rings, undefined)
  const surroundings: Surroundings = { crypto, store, operations, spaces, urls, rings }

  /** The identity, with its own space open. */
  const opened = Effect.fnUntraced(function* (held: HeldIdentity) {
    const space = yield* spaces.open(encodeIdentityTicket({ space: held.id, identity: held.id, urls }, crypto.hash))
    yield* followed(held, space)
    return faceOf(surroundings, held, space)
  })

  /** What other devices have changed of the identity's devices is done in the spaces of this one, until its own space is closed. */
  const followed = (held: HeldIdentity, { membership }: Space) =>
    Effect.suspend(() => {
      if (following.has(held.text)) return Effect.void
      following.add(held.text)
      const told = (error: unknown) => Effect.logWarning(`a device was not added to a space of identity ${held.text}`, error)
      const followingOn = Stream.runForEach(membership.changes, () => Effect.catch(bring(surroundings, held), told))
      const over = Effect.sync(() => following.delete(held.text))
      return Effect.forkIn(Effect.ensuring(Effect.ignore(followingOn), over), scope)
    })

  // the other devices hear at once that this one is here, and it of what they changed
  const openAll = Effect.flatMap(store.list, (all) =>
    Effect.forEach(all, (held) => Effect.catch(opened(held), (error) => Effect.logWarning(untold(held), error)), {
      discard: true
    })
  )
  yield* Effect.catch(openAll, (error) => Effect.logWarning("the identities of this device cannot be read", error))

  const holderOf = (identity: string | undefined) =>
    identity !== undefined
      ? store.find(identity)
      : Effect.flatMap(store.list, ([first]) =>
          first === undefined ? Effect.fail(new IdentityMissing({ identity: "" })) : Effect.succeed(first)
        )

  const create = Effect.fnUntraced(function* ({ words = 12, ...options }: CreateOptions) {
    const name = yield* Effect.fromResult(readName(options.name))
    const device = yield* Effect.fromResult(readName(options.device ?? name))
    const { identity: held, phrase } = yield* store.create(words)
    const told = Effect.gen(function* () {
      const identity = yield* opened(held)
      yield* identity.setName(name)
      yield* identity.rename(held.deviceText, device, options.platform)
      return identity
    })
    // nobody would ever be shown its phrase
    const undone = Effect.andThen(Effect.ignore(spaces.wipe(held.text)), Effect.ignore(store.wipe(held)))
    const identity = yield* Effect.onError(told, () => undone)
    yield* ring
    return { identity, phrase, limits }
  })

  const accept = Effect.fnUntraced(function* (text: string, options: { readonly identity?: string } = {}) {
    const offer = yield* Effect.fromResult(decodeOffer(text, crypto.hash))
    const held = yield* offer.kind === "device" ? store.prepare(offer.genesis) : holderOf(options.identity)
    const { agreement, device } = held
    if (offer.kind === "space") {
      const holds = yield* crypto.verify(offer.founding.signatures)
      if (!holds.every(Boolean))
        return yield* new AdmissionInvalid({ expected: "offer", reason: "a signature in it does not hold" })
    }
    const acceptance = yield* keyring.sign(device, acceptingMessage(offer, { device, agreement }, held.id, crypto.hash))
    const accepted = { device, agreement, acceptance }
    if (offer.kind === "device") return encodeAcceptance({ kind: "device", identity: offer.identity, ...accepted })
    const certificate = Result.getOrThrow(decodeCertificate(yield* store.certificate(held), crypto.hash))
    const { role, space } = offer
    return encodeAcceptance({ kind: "space", space, role, certificate, ...accepted })
  })

  const enterOne = Effect.fnUntraced(function* ({ held, welcome }: Judged) {
    if (welcome.kind === "device") return (yield* opened(held)).space
    const ticket = { space: welcome.space, identity: held.id, urls: welcome.locators }
    const space = yield* spaces.open(encodeIdentityTicket(ticket, crypto.hash))
    yield* introduced(space, held)
    return space
  })

  /** Says in a space who came in, unless one of his devices has. */
  const introduced = Effect.fnUntraced(function* ({ membership }: Space, held: HeldIdentity) {
    const name = yield* (yield* opened(held)).name
    const self = (yield* membership.people).find(({ isSelf }) => isSelf)
    // a name that is shown is one
    if (name !== "" && self?.name === "") yield* Effect.catchTag(membership.setName(name), "NameInvalid", Effect.die)
  })

  const enter = Effect.fnUntraced(function* (text: string) {
    const all = yield* judged(surroundings, text)
    for (const each of all) yield* kept(surroundings, each)
    yield* ring
    const entered = yield* enterOne(all[0]!)
    for (const each of all.slice(1)) yield* enterOne(each)
    return entered
  })

  const list = Effect.flatMap(store.list, (all) => Effect.forEach(all, opened))

  return IdentityService.of({
    create: taking("identities.create", [aPerson], create),
    list,
    changes: watched(rings, Stream.empty, list, (all) => all.map(({ id }) => id)),
    get: taking("identities.get", [anIdentity], (id) => Effect.flatMap(store.find(id), opened)),
    accept: taking("peer.accept", [text("an offer"), optional(object({ identity: optional(anIdentity) }))], accept),
    enter: taking("peer.enter", [text("a welcome")], enter)
  })
})

export const layer = (
  options: Options
): Layer.Layer<IdentityService, never, Crypto | Keyring | IdentityStore | OperationStore | SpaceService> =>
  Layer.effect(IdentityService, make(options))
