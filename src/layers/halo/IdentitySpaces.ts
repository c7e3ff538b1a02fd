/**
 * What an identity does in its own space and in all others at once: adds a device to them, or takes one away.
 *
 * Where its person is no member any more, there is nothing that he could do, and the others go on.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import { bytesOfText } from "../../schema/echo/FeedTable.ts"
import { decodeTicket } from "../../schema/echo/Space.ts"
import { decodeAcceptance, encodeOffer, encodeWelcome } from "../../schema/halo/Admission.ts"
import { AdmissionInvalid } from "../../schema/halo/AdmissionText.ts"
import type { AddedDevice } from "../../schema/halo/Certificate.ts"
import type { Membership } from "../../schema/halo/Membership.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { Space } from "../../services/echo/SpaceService.ts"
import type { HeldIdentity } from "../../services/halo/IdentityStore.ts"
import { NotPermitted } from "../../services/halo/OperationStore.ts"
import { PhraseNeeded, type Revoking } from "../../services/halo/SpaceMembership.ts"
import { betweenWelcomes } from "./IdentityEntry.ts"
import type { Surroundings } from "./IdentityFace.ts"

export const offerOf = ({ genesis }: HeldIdentity): string => encodeOffer({ kind: "device", genesis })

/** The spaces that this device keeps as a device of the identity, its own one aside. */
export const spacesOf = ({ crypto, spaces }: Surroundings, held: HeldIdentity) =>
  Effect.map(spaces.list, (all) =>
    all.filter(({ ticket }) => {
      const read = decodeTicket(ticket, crypto.hash)
      return Result.isSuccess(read) && "identity" in read.success && equalBytes(read.success.identity, held.id)
    })
  )

// Adding a device ---------------------------------------------------------------------------------------------------------------

const accepted = Effect.fnUntraced(function* ({ crypto }: Surroundings, held: HeldIdentity, text: string) {
  const invalid = (reason: string) => new AdmissionInvalid({ expected: "acceptance", reason })
  const acceptance = yield* Effect.fromResult(decodeAcceptance(text, crypto.hash))
  if (acceptance.kind !== "device" || !equalBytes(acceptance.identity, held.id))
    return yield* invalid("it accepts what another has offered")
  const holds = yield* crypto.verify(acceptance.signatures)
  return holds.every(Boolean) ? acceptance : yield* invalid("a signature in it does not hold")
})

/** Adds a device in one graph, unless it is there. Answers the welcome to it; null where this device has no right itself. */
const addedTo = Effect.fnUntraced(function* (
  { operations, urls }: Surroundings,
  held: HeldIdentity,
  id: Uint8Array,
  { acceptance, agreement, device }: AddedDevice
) {
  const graph = equalBytes(id, held.id) ? held.genesis : null
  const { list, membership, publish } = yield* operations.open(id, graph)
  if (graph === null && membership.rightOf(held.deviceText) === null) return null
  if (membership.rightOf(Base64Url.encode(device)) === null)
    yield* publish({ type: "AddDevice", device, agreement, acceptance }, { device: held.device })
  const bytes = list().map((each) => each.bytes)
  const welcome = encodeWelcome({ space: id, genesis: graph, operations: bytes, locators: urls })
  if (Result.isSuccess(welcome)) return welcome.success
  return yield* new NotPermitted({ what: "a welcome", reason: welcome.failure.message })
}, Effect.scoped)

/** Adds the device of an acceptance. What was cut off is finished by admitting again. */
export const admit = Effect.fnUntraced(function* (surroundings: Surroundings, held: HeldIdentity, text: string) {
  const acceptance = yield* accepted(surroundings, held, text)
  const welcomes = [yield* addedTo(surroundings, held, held.id, acceptance)]
  for (const { id } of yield* spacesOf(surroundings, held))
    welcomes.push(yield* addedTo(surroundings, held, bytesOfText(id), acceptance))
  return welcomes.filter((welcome) => welcome !== null).join(betweenWelcomes)
})

/**
 * Adds the devices of the identity's graph to the spaces in which this device is and they have never been: another device has added them, and
 * did not know these spaces.
 */
export const bring = Effect.fnUntraced(function* (surroundings: Surroundings, held: HeldIdentity) {
  const { operations } = surroundings
  const graph = yield* operations.open(held.id, held.genesis)
  const added = graph.list().flatMap(({ payload }) => (payload.type === "AddDevice" ? [payload] : []))
  const live = added.filter(({ device }) => graph.membership.rightOf(Base64Url.encode(device)) !== null)
  for (const { id } of yield* spacesOf(surroundings, held)) {
    const { membership } = yield* operations.open(bytesOfText(id), null)
    for (const each of live)
      if (membership.device(Base64Url.encode(each.device)).standing === "stranger")
        yield* addedTo(surroundings, held, bytesOfText(id), each)
  }
}, Effect.scoped)

// Taking one away ---------------------------------------------------------------------------------------------------------------

const what = "to take away a device that is not below this one, or the last one,"

/** Whether a device has something to be taken away in a space. Fails where this device alone may not do that: nobody but the phrase could undo it, were it the last. */
const isToGo = (membership: Membership, held: HeldIdentity, device: string, { phrase, since }: Revoking) => {
  const { standing } = membership.device(device)
  if (membership.member(held.text) === undefined || standing === "stranger") return Effect.succeed(false)
  if (standing === "former") return Effect.succeed(since !== undefined)
  const [own, theirs] = [membership.rightOf(held.deviceText), membership.rightOf(device)]
  const isLast = membership.member(held.text)?.devices.length === 1
  const isBelow = device === held.deviceText ? !isLast : (own?.rank ?? 0) > (theirs?.rank ?? 0)
  const isAllowed = phrase !== undefined || isBelow
  return isAllowed ? Effect.succeed(true) : Effect.fail(new PhraseNeeded({ what }))
}

/**
 * Takes a device away everywhere: who may not do it in one space does it in none. A space that is closed is opened for it, since what is
 * revoked has to say what was seen of the device, and others have to hear of it.
 */
export const revoke = Effect.fnUntraced(function* (
  surroundings: Surroundings,
  held: HeldIdentity,
  own: Space,
  device: string,
  options: Revoking
) {
  const { operations, spaces } = surroundings
  const judge = (id: Uint8Array, graph: Uint8Array | null) =>
    Effect.scoped(Effect.flatMap(operations.open(id, graph), ({ membership }) => isToGo(membership, held, device, options)))
  const tickets: Array<string> = []
  yield* judge(held.id, held.genesis)
  for (const { id, ticket } of yield* spacesOf(surroundings, held)) if (yield* judge(bytesOfText(id), null)) tickets.push(ticket)
  yield* own.membership.removeDevice(held.text, device, options)
  for (const ticket of tickets) {
    const space = yield* spaces.open(ticket)
    yield* space.membership.removeDevice(held.text, device, options)
  }
})
