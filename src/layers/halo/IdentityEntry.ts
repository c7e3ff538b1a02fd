/**
 * Entering with a welcome: all of it is judged before anything is kept, and what was cut off is finished by entering again.
 *
 * Keys are not made here: who enters has accepted, and only the keys that did so are let in.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import { decodeWelcome, type Welcome } from "../../schema/halo/Admission.ts"
import { AdmissionInvalid } from "../../schema/halo/AdmissionText.ts"
import type { HeldIdentity } from "../../services/halo/IdentityStore.ts"
import { NotPermitted } from "../../services/halo/OperationStore.ts"
import type { Surroundings } from "./IdentityFace.ts"

/** What may stand between the welcomes of one text: it is in none of them, and blanks and line breaks may be. */
export const betweenWelcomes = ".\n"

/** A welcome, and the identity of this device that it lets in. */
export interface Judged {
  readonly welcome: Welcome
  readonly held: HeldIdentity
}

const notLetIn = () =>
  new NotPermitted({
    what: "to enter",
    reason: "its operations let in no identity of this device. Accept the offer with the one that is to come in."
  })

const read = ({ crypto }: Surroundings, text: string) =>
  Effect.gen(function* () {
    const parts = text.split(".").filter((part) => part.trim() !== "")
    const [first = text, ...rest] = parts
    const welcomes = [yield* Effect.fromResult(decodeWelcome(first, crypto.hash))]
    for (const part of rest) welcomes.push(yield* Effect.fromResult(decodeWelcome(part, crypto.hash)))
    const isOfOne = rest.length === 0 || welcomes.every(({ kind }, at) => kind === (at === 0 ? "device" : "space"))
    if (isOfOne) return welcomes
    return yield* new AdmissionInvalid({ expected: "welcome", reason: "it is made of several that do not belong together" })
  })

/** Judges a text of one welcome, or of a device's with those of the spaces that its identity is in; keeps nothing. */
export const judged = Effect.fnUntraced(function* (surroundings: Surroundings, text: string) {
  const { operations, store } = surroundings
  const all: Array<Judged> = []
  for (const welcome of yield* read(surroundings, text)) {
    const own = welcome.kind === "device" ? yield* store.prepared(Base64Url.encode(welcome.space)) : (all[0]?.held ?? null)
    const candidates = own === null && welcome.kind === "space" ? yield* store.list : own === null ? [] : [own]
    const membership = yield* operations.judge(welcome.space, welcome.genesis, welcome.operations)
    const held = candidates.find(({ deviceText, text: identity }) => membership.rightOf(deviceText)?.identity === identity)
    if (held === undefined) return yield* notLetIn()
    all.push({ welcome, held })
  }
  return all
})

/** Keeps the operations of a welcome that holds. Who was removed since it was written is told now. */
export const kept = Effect.fnUntraced(function* ({ operations }: Surroundings, { held, welcome }: Judged) {
  const { membership, take } = yield* operations.open(welcome.space, welcome.genesis)
  yield* take(welcome.operations)
  if (membership.rightOf(held.deviceText) !== null) return
  return yield* new NotPermitted({ what: "to enter", reason: "this device was removed since. Ask an admin to let it in again." })
}, Effect.scoped)
