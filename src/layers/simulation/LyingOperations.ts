/**
 * Control operations of a peer that lies about them: signed as if it had seen less, in two versions, or told to some and not to others.
 *
 * Each goes around the machines of an honest peer and leaves them as they are.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { feedText } from "../../schema/echo/FeedTable.ts"
import type { Membership, OwnRight } from "../../schema/halo/Membership.ts"
import {
  type DecodedOperation,
  decodeOperation,
  encodeOperation,
  type OperationContent
} from "../../schema/halo/OperationCodec.ts"
import { encodeSigned, operationMessage } from "../../schema/halo/OperationFrame.ts"
import { OperationSet } from "../../schema/halo/OperationSet.ts"
import type { Payload } from "../../schema/halo/Payload.ts"
import { encode } from "../../schema/platform/Codec.ts"
import { NotPermitted, type SpaceOperations } from "../../services/halo/OperationStore.ts"
import type { Crypto } from "../../services/platform/Crypto.ts"
import type { Keyring } from "../../services/platform/Keyring.ts"

/** What a liar lies with. */
export interface Liar {
  readonly crypto: Crypto["Service"]
  readonly keyring: Keyring["Service"]
  /** A number from 0 to before `below`. */
  readonly draw: (below: number) => number
  /** It has lied. */
  readonly told: () => void
}

/** The same, but for some of what it answers. */
export const altered = <A extends object>(real: A, changes: Partial<A>): A =>
  Object.create(real, Object.getOwnPropertyDescriptors(changes))

/** A signed operation, by whatever right it says. */
export const signed = ({ crypto, keyring }: Liar, content: OperationContent, key = content.by) => {
  const op = encodeOperation(content)
  return Effect.map(keyring.sign(key, operationMessage(op, crypto.hash)), (signature) => encodeSigned(op, signature))
}

/** The first right that a device was given and can still show, standing or not. */
const firstRight = ({ membership }: SpaceOperations, device: string): OwnRight | null => {
  const [proof] = membership.device(device).grants
  const grant = proof === undefined ? undefined : membership.entry(proof)?.grants.find(({ key }) => key === device)
  return grant === undefined ? null : { proof: proof!, identity: grant.identity, role: grant.role, rank: 0 }
}

/** What a device makes of its own right when it does as if nothing had ever taken that away. */
const blindTo = (operations: SpaceOperations, own: string): Membership => {
  const { membership } = operations
  const right = () => membership.rightOf(own) ?? firstRight(operations, own)
  const changes: Pick<Membership, "rightOf" | "device" | "about"> = {
    rightOf: (key) => (key === own ? right() : membership.rightOf(key)),
    device: (key) => ({ ...membership.device(key), ...(key === own ? { standing: "member" } : {}) }),
    about: (feed) => {
      const role = right()?.role
      if (operations.deviceOf(feed) !== own || role === undefined) return membership.about(feed)
      return [{ deed: { type: "AdmitFeed", feed, device: own }, role, rank: 0, revokedBy: [], stands: true }]
    }
  }
  return Object.create(membership, Object.getOwnPropertyDescriptors(changes))
}

/** Signs on top of the operation that let it in, and of nothing else; and goes on as a member when it is none any more. */
export const backDating = (liar: Liar, operations: SpaceOperations, device: Uint8Array): SpaceOperations => {
  const own = feedText(device)
  return altered(operations, {
    get membership() {
      return blindTo(operations, own)
    },
    publish: (payload, signer) =>
      Effect.gen(function* () {
        const grant = operations.find(firstRight(operations, own)?.proof ?? "")
        if (grant === undefined || "recovery" in signer) return yield* operations.publish(payload, signer)
        const time = grant.time + 1 + liar.draw(1_000)
        const content = { space: operations.space, parents: [grant.id], by: device, proof: grant.id, time, payload }
        const { added, refused } = yield* operations.take([yield* signed(liar, content)])
        liar.told()
        return added[0] ?? (yield* new NotPermitted({ what: payload.type, reason: refused[0] ?? "it is there already" }))
      })
  })
}

/** Signs everything twice, on top of the same and each time a little different. `branches` is told which is which. */
export const equivocating = (liar: Liar, operations: SpaceOperations, branches: Map<string, number>): SpaceOperations =>
  altered(operations, {
    publish: (payload, signer) =>
      Effect.gen(function* () {
        const first = yield* operations.publish(payload, signer)
        if ("recovery" in signer) return first
        const { by, parents, proof, time } = first
        const content = { space: operations.space, parents, by, proof, time: time + 1, payload: otherOf(payload) }
        const { added } = yield* operations.take([yield* signed(liar, content)])
        branches.set(first.operation.id, 0)
        for (const { operation } of added) branches.set(operation.id, 1)
        if (added.length > 0) liar.told()
        return first
      })
  })

const otherOf = (payload: Payload): Payload =>
  payload.type === "SetPolicy" ? { ...payload, isLocked: !payload.isLocked } : payload

/** Signs so much more of what nobody asked for with each operation, up to as many in all. */
const floodAtOnce = 20
const floodMax = 400

/** Signs wraps of no key, which any member may. */
export const flooded = (liar: Liar, operations: SpaceOperations): SpaceOperations => {
  let count = 0
  return altered(operations, {
    publish: (payload, signer) =>
      Effect.gen(function* () {
        const first = yield* operations.publish(payload, signer)
        for (let n = 0; n < floodAtOnce && count < floodMax && !("recovery" in signer); n++)
          yield* Effect.ignore(operations.publish({ type: "KeyWrap", content: encode([count++]) }, signer))
        liar.told()
        return first
      })
  })
}

/** The operations as one peer is told of them: what is hidden from it is not there, until it brings it itself. */
export class Told {
  readonly operations: SpaceOperations
  private readonly all: SpaceOperations
  readonly hides: (operation: DecodedOperation) => boolean
  private readonly hidden = new Set<string>()
  private readonly brought = new Set<string>()
  private readonly set: OperationSet
  private readonly liar: Liar

  constructor(liar: Liar, all: SpaceOperations, hides: (operation: DecodedOperation) => boolean) {
    this.liar = liar
    this.all = all
    this.hides = hides
    this.set = new OperationSet(liar.crypto.hash)
    for (const operation of all.list()) this.tells(operation)
    this.operations = altered(all, {
      set: this.set,
      find: (id) => (this.hidden.has(id) ? undefined : all.find(id)),
      list: () => all.list().filter(({ operation }) => !this.hidden.has(operation.id)),
      take: (operations) => this.take(operations),
      watch: (listener) =>
        all.watch((added) => {
          const told = added.filter((each) => this.tells(each))
          if (told.length > 0) listener(told)
        })
    })
  }

  private tells(decoded: DecodedOperation): boolean {
    const { id } = decoded.operation
    if (!this.brought.has(id) && this.hides(decoded)) {
      this.hidden.add(id)
      this.liar.told()
      return false
    }
    this.set.add(decoded.id)
    return true
  }

  private take(operations: ReadonlyArray<Uint8Array>) {
    for (const bytes of operations) {
      const decoded = decodeOperation(bytes, this.all.space, this.liar.crypto.hash)
      if (Result.isFailure(decoded)) continue
      const { id, operation } = decoded.success
      this.brought.add(operation.id)
      if (this.hidden.delete(operation.id)) this.set.add(id)
    }
    return this.all.take(operations)
  }
}
