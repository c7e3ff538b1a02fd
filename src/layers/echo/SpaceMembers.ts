/**
 * Who is in a space, as its applications ask and change it: over the operations of the space and the life that is on.
 *
 * What a revocation says of feeds (how far this device has applied them) is asked of the life just before it is signed: what is applied
 * later counts as not seen, so that nothing is kept that nobody looked at.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { bytesOfText } from "../../schema/echo/FeedTable.ts"
import { decodeAcceptance, encodeOffer, encodeWelcome } from "../../schema/halo/Admission.ts"
import { AdmissionInvalid } from "../../schema/halo/AdmissionText.ts"
import { readName } from "../../schema/halo/Name.ts"
import { type Cap, roles } from "../../schema/halo/Operation.ts"
import type { Payload, SeenFeed } from "../../schema/halo/Payload.ts"
import { provenance } from "../../schema/halo/Provenance.ts"
import { told } from "../../schema/halo/ProvenanceText.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { SpaceClosed } from "../../services/echo/SpaceService.ts"
import type { HeldIdentity, IdentityStore } from "../../services/halo/IdentityStore.ts"
import { NotPermitted, type Signer, type SpaceOperations } from "../../services/halo/OperationStore.ts"
import {
  aRevocation,
  PhraseNeeded,
  type Revoking,
  type RoleName,
  type SpaceMembership
} from "../../services/halo/SpaceMembership.ts"
import { moment, oneOf, optional, phrase, taking, text } from "../../services/platform/Arguments.ts"
import type { Crypto } from "../../services/platform/Crypto.ts"
import type { OpenSpace } from "./OpenSpace.ts"
import type { SpaceHandle } from "./SpaceHandle.ts"
import { changesOf, namesOf, orderOfNext, peopleOf, removalOf, roleOf } from "./SpacePeople.ts"
import { changesBy, frontierOf, ownDevices, seenOf, withheldOf } from "./SpaceSeen.ts"
import { beginningsOf } from "./SpaceTheft.ts"

/** What the membership of a space is made with. */
export interface MembersOptions {
  readonly handle: SpaceHandle
  readonly operations: SpaceOperations
  readonly identity: HeldIdentity
  readonly identities: IdentityStore["Service"]
  readonly crypto: Crypto["Service"]
  /** Where signaling may be found, told to whoever comes in. */
  readonly urls: ReadonlyArray<string>
}

const role = oneOf("reader", "editor", "admin", "owner")
const lesser = oneOf("reader", "editor", "admin")
const who = text("an identity, as `people` lists it")
const revocation = optional(aRevocation)

const each = <A, E>(list: ReadonlyArray<A>, work: (one: A) => Effect.Effect<void, E>): Effect.Effect<void, E> =>
  Effect.forEach(list, work, { discard: true })

const invalid = (reason: string) => new AdmissionInvalid({ expected: "acceptance", reason })

export const membershipOf = (options: MembersOptions): SpaceMembership => {
  const { crypto, handle, identities, identity, operations, urls } = options
  const { publish, space } = operations
  const own: Signer = { device: identity.device }
  const rightOf = (device: string) => operations.membership.rightOf(device)
  const reading = <A>(f: (life: OpenSpace) => A): Effect.Effect<A, SpaceClosed> => Effect.map(handle.live, f)
  const say = (payload: Payload, signer: Signer = own) => Effect.asVoid(publish(payload, signer))
  const refuse = (what: string, reason: string) => Effect.fail(new NotPermitted({ what, reason }))

  const offer = (role: RoleName) =>
    Effect.suspend(() => {
      const right = rightOf(identity.deviceText)
      const given = roles[role]
      if (right === null) return refuse("an offer", "this device is no member here. Ask an admin to let it in.")
      const isOwner = right.role === roles.owner
      if (!isOwner && (right.role < roles.admin || given >= right.role))
        return refuse("an offer", `a member of this role lets nobody in as ${role}. Ask an owner.`)
      const genesis = operations.list()[0]!.bytes
      return Effect.succeed(encodeOffer({ kind: "space", genesis, role: given }))
    })

  const accepted = Effect.fnUntraced(function* (text: string) {
    const acceptance = yield* Effect.fromResult(decodeAcceptance(text, crypto.hash))
    if (acceptance.kind !== "space" || !equalBytes(acceptance.space, space))
      return yield* invalid("it accepts what another space has offered")
    const holds = yield* crypto.verify(acceptance.signatures)
    if (!holds.every(Boolean) || !acceptance.keys.every(crypto.isKeyValid))
      return yield* invalid("a signature in it does not hold")
    return acceptance
  })

  const admit = Effect.fnUntraced(function* (text: string) {
    const { acceptance, agreement, certificate, device, role } = yield* accepted(text)
    // asked again, it is answered again
    if (rightOf(Base64Url.encode(device))?.role !== role)
      yield* say({ type: "Admit", certificate, device, agreement, role, acceptance })
    const bytes = operations.list().map((each) => each.bytes)
    const welcome = encodeWelcome({ space, genesis: null, operations: bytes, locators: urls })
    return yield* Result.isSuccess(welcome) ? Effect.succeed(welcome.success) : refuse("a welcome", welcome.failure.message)
  })

  /** What is said of some devices: once, or once for each beginning of a theft. */
  const revoking = Effect.fnUntraced(function* (devices: ReadonlyArray<string>, { since }: Revoking) {
    const life = yield* handle.live
    const frontier: ReadonlyArray<SeenFeed> = yield* frontierOf(life, new Set(devices), since ?? null)
    const now = yield* Clock.currentTimeMillis
    const beginnings = since === undefined ? [] : beginningsOf(operations, new Set(devices), { since, now })
    return (beginnings.length === 0 ? [null] : beginnings).map((voidFrom) => ({ frontier, voidFrom }))
  })

  /** Why nothing can be taken from somebody, or null. Who was removed may be removed again, from an earlier time on. */
  const beyond = (target: string): string | null => {
    if (target === identity.text) return "that is this device's own person. Use `leave`."
    if (operations.membership.devicesOf(target).length === 0)
      return "nobody of that identity was ever let in here. Take one that `people` lists."
    const isMember = rightOf(identity.deviceText) !== null && operations.membership.member(target) !== undefined
    return !isMember || operations.membership.isAbove(identity.deviceText, target)
      ? null
      : "a member takes rights from those alone who are below him. Ask somebody above both."
  }

  const cap = Effect.fnUntraced(function* (target: string, maxRole: Cap, given: Revoking) {
    const why = beyond(target)
    if (why !== null) return yield* refuse("a removal", why)
    const seen = yield* revoking(operations.membership.devicesOf(target), given)
    yield* each(seen, (one) => say({ type: "Cap", identity: bytesOfText(target), maxRole, ...one }))
  })

  /** Does something with the recovery key of the own identity, which is wiped afterwards. */
  const recovering = <A, E>(phrase: Redacted.Redacted<string>, what: string, work: (signer: Signer) => Effect.Effect<A, E>) =>
    Effect.flatMap(identities.recovered(phrase), ({ identity: whose, recovery }) => {
      const isOwn = equalBytes(whose, identity.id)
      const refused: Effect.Effect<A, E | PhraseNeeded> = Effect.fail(new PhraseNeeded({ what }))
      return Effect.ensuring(
        isOwn ? work({ recovery }) : refused,
        Effect.sync(() => recovery.secretKey.fill(0))
      )
    })

  const removeDevice = Effect.fnUntraced(function* (target: string, device: string, given: Revoking = {}) {
    if (!operations.membership.devicesOf(target).includes(device))
      return yield* refuse("a removal", "that identity has no such device here. Take one that `people` lists.")
    const why = target === identity.text ? null : beyond(target)
    if (why !== null) return yield* refuse("a removal", why)
    const payload = { type: "RemoveDevice", identity: bytesOfText(target), device: bytesOfText(device), reason: 0 } as const
    const seen = yield* revoking([device], given)
    const what = "to take away a device that is not below this one"
    const sayAll = (signer: Signer) => each(seen, (one) => say({ ...payload, ...one }, signer))
    if (given.phrase !== undefined) return yield* recovering(given.phrase, what, sayAll)
    const [ours, theirs] = [rightOf(identity.deviceText), rightOf(device)]
    const isOwn = target === identity.text && device !== identity.deviceText
    if (isOwn && ours !== null && theirs !== null && ours.rank <= theirs.rank) return yield* new PhraseNeeded({ what })
    // who takes himself away has no right to say it twice
    yield* device === identity.deviceText ? say({ ...payload, ...seen[0]! }) : sayAll(own)
  })

  const leave = Effect.fnUntraced(function* (phrase?: Redacted.Redacted<string>) {
    const what = "that an owner leaves"
    if (phrase !== undefined) return yield* recovering(phrase, what, (signer) => say({ type: "Leave" }, signer))
    if (rightOf(identity.deviceText)?.role === roles.owner) return yield* new PhraseNeeded({ what })
    yield* say({ type: "Leave" })
  })

  const endorse = (feed: string) =>
    Effect.flatMap(handle.live, (life) => {
      const found = life.feeds.list().find((each) => each.text === feed)
      const seen = found === undefined ? null : seenOf(life, found)
      if (seen === null) return refuse("an endorsement", "nothing of that feed is here. Take a feed that `withheld` lists.")
      return say({ type: "Endorse", feeds: [seen] })
    })

  const setName = Effect.fnUntraced(function* (given: string) {
    const name = yield* Effect.fromResult(readName(given))
    const order = orderOfNext(yield* handle.live, operations, identity)
    const profile = order === undefined ? { name } : { name, order }
    yield* handle.commit((transaction) => transaction.profile(profile), { durability: "strict" })
  })

  return {
    role: reading(() => roleOf(rightOf(identity.deviceText)?.role ?? 0)),
    people: reading((life) => peopleOf(life, operations, identity)),
    changes: changesOf(handle, (life) => peopleOf(life, operations, identity)),
    devices: Effect.flatMap(handle.live, (life) => ownDevices(life, operations, identity)),
    changesBy: taking("membership.changesBy", [text("the key of a device"), moment], (device, since) =>
      Effect.flatMap(handle.live, (life) => changesBy(life, device, since))
    ),
    policy: reading(() => (operations.membership.isLockedNow() ? "locked" : "invite")),
    removed: reading((life) => removalOf(life, operations, identity)),
    offer: taking("membership.offer", [role], offer),
    admit: taking("membership.admit", [text("the text that `peer.accept` answered")], admit),
    remove: taking("membership.remove", [who, revocation], (target, given = {}) => cap(target, 0, given)),
    demote: taking("membership.demote", [who, lesser, revocation], (target, to, given = {}) => cap(target, roles[to], given)),
    removeDevice: taking("membership.removeDevice", [who, text("the key of a device"), revocation], removeDevice),
    leave: taking("membership.leave", [optional(phrase)], leave),
    setPolicy: taking("membership.setPolicy", [oneOf("invite", "locked")], (policy) =>
      say({ type: "SetPolicy", isLocked: policy === "locked" })
    ),
    withheld: reading(withheldOf),
    endorse: taking("membership.endorse", [text("a feed, as `withheld` lists it")], endorse),
    provenance: taking("membership.provenance", [who], (target) =>
      reading((life) => {
        const origins = provenance(operations.membership, target)
        return origins.map((origin) => told(operations.membership, origin, namesOf(life, operations)))
      })
    ),
    setName: taking("membership.setName", [text("a name")], setName)
  }
}
