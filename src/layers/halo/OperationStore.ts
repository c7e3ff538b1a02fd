/**
 * OperationStore over Storage, Crypto and Keyring: decodes, verifies, keeps and judges the operations of each space.
 *
 * - [O1] an operation counts once its signatures hold, its parents are here, and its own past says that its signer had that right
 * - [O2] what is refused is not kept, by a rule that is the same everywhere, so that strangers cannot fill anybody's disk
 * - [O3] nothing is visible before it is durable; of a batch all or nothing is
 * - [O4] what waits for parents is bounded, and shown
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { bytesOfText } from "../../schema/echo/FeedTable.ts"
import { decodeCertificate } from "../../schema/halo/Certificate.ts"
import { readIdentityGenesis } from "../../schema/halo/Identity.ts"
import { Membership } from "../../schema/halo/Membership.ts"
import type { Operation } from "../../schema/halo/Operation.ts"
import { type DecodedOperation, decodeOperation, encodeOperation } from "../../schema/halo/OperationCodec.ts"
import { encodeSigned, operationId, operationMessage } from "../../schema/halo/OperationFrame.ts"
import { decodeOperationRecord, encodeOperationRecord, operationKey, operationKeys } from "../../schema/halo/OperationRecords.ts"
import { parentsOf } from "../../schema/halo/Parents.ts"
import type { Payload } from "../../schema/halo/Payload.ts"
import { compareBytes, decodeWith, equalBytes } from "../../schema/platform/Codec.ts"
import { signerOperationsMax, spaceOperationsMax } from "../../schema/platform/Limits.ts"
import {
  type Founding,
  NotPermitted,
  OperationStore,
  type Signer,
  type SpaceOperations,
  type Taken
} from "../../services/halo/OperationStore.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { Keyring } from "../../services/platform/Keyring.ts"
import { Storage, StorageFailed } from "../../services/platform/Storage.ts"
import { HeldOperations, textOf } from "./HeldOperations.ts"

interface Platform {
  readonly storage: Storage["Service"]
  readonly crypto: Crypto["Service"]
  readonly keyring: Keyring["Service"]
  readonly clock: Clock.Clock
}

const pageEntries = 1_000
/** In place of a space that is not there yet. */
const nowhere = new Uint8Array(32)
/** Operations that are verified before other fibers have their turn. */
const stepOperations = 32

const make = Effect.gen(function* () {
  const platform: Platform = {
    storage: yield* Storage,
    crypto: yield* Crypto,
    keyring: yield* Keyring,
    clock: yield* Clock.Clock
  }
  const { storage } = platform
  const open = new Map<string, { readonly operations: SpaceOperations; holders: number }>()
  const opening = Semaphore.makeUnsafe(1)

  const opened = Effect.fnUntraced(function* (space: Uint8Array, identity: Uint8Array | null) {
    const text = Base64Url.encode(space)
    const known = open.get(text)
    if (known !== undefined) {
      known.holders++
      return known.operations
    }
    const operations = yield* load(platform, space, identity)
    open.set(text, { operations, holders: 1 })
    return operations
  })

  const closed = (space: Uint8Array) =>
    Effect.sync(() => {
      const text = Base64Url.encode(space)
      const held = open.get(text)
      if (held !== undefined && --held.holders === 0) open.delete(text)
    })

  const openIn = (space: Uint8Array, identity: Uint8Array | null) =>
    Effect.acquireRelease(opening.withPermit(Effect.uninterruptible(opened(space, identity))), () => closed(space))

  const found = Effect.fnUntraced(function* ({ agreement, device, isLocked, ...founding }: Founding) {
    const { clock, crypto, keyring } = platform
    const certificate = Result.getOrThrow(decodeCertificate(founding.certificate, crypto.hash))
    const nonce = yield* crypto.random(16)
    const payload = { type: "Genesis", certificate, device, agreement, nonce, isLocked, successorOf: null } as const
    const time = Math.floor(clock.currentTimeMillisUnsafe())
    const op = encodeOperation({ space: nowhere, parents: [], by: device, proof: null, time, payload })
    const signed = encodeSigned(op, yield* keyring.sign(device, operationMessage(op, crypto.hash)))
    const space = operationId(op, crypto.hash)
    yield* Effect.scoped(Effect.flatMap(openIn(space, null), ({ take }) => take([signed])))
    return space
  })

  return OperationStore.of({
    open: openIn,
    found,
    judge: Effect.fnUntraced(function* (space, identity, operations) {
      const judging = yield* load({ ...platform, storage: keepsNothing }, space, identity)
      yield* judging.take(operations)
      return judging.membership
    }),
    wipe: Effect.fnUntraced(function* (space) {
      for (;;) {
        const page = yield* storage.range({ ...operationKeys(space, 0), limit: pageEntries })
        if (page.length === 0) return
        const batch = page.map(({ key }) => ({ key: key.slice(), value: null }))
        yield* storage.write(batch, { durability: "strict" })
      }
    })
  })
})

export const layer: Layer.Layer<OperationStore, never, Storage | Crypto | Keyring> = Layer.effect(OperationStore, make)

/** For operations that are only judged. */
const keepsNothing = Storage.make({
  getMany: (keys) => Effect.succeed(keys.map(() => null)),
  range: () => Effect.succeed([]),
  write: () => Effect.void
})

// Loading -----------------------------------------------------------------------------------------------------------------------

const load = Effect.fnUntraced(function* (platform: Platform, space: Uint8Array, identity: Uint8Array | null) {
  const { crypto, storage } = platform
  const held = new HeldOperations(space, () => new Membership(identity === null ? null : selfOf(space, identity)), crypto.hash)
  for (let from = 0; ; ) {
    const page = yield* storage.range({ ...operationKeys(space, from), limit: pageEntries })
    for (const { value } of page) {
      const decoded = Result.flatMap(decodeOperationRecord(value), (signed) => decodeOperation(signed, space, crypto.hash))
      if (Result.isFailure(decoded)) return yield* unreadable(held.size, decoded.failure)
      held.add(decoded.success)
    }
    from += page.length
    if (page.length === pageEntries) continue
    held.membership.settle()
    return new Operations(platform, held)
  }
})

/** The identity whose own graph it is, with its recovery key. */
const selfOf = (identity: Uint8Array, genesis: Uint8Array) => {
  const { recovery } = Result.getOrThrow(decodeWith(genesis, readIdentityGenesis))
  return { identity: textOf(identity), recovery: textOf(recovery) }
}

const unreadable = (place: number, cause: unknown) =>
  new StorageFailed({ folder: "the storage", operation: `reading control operation ${place}`, cause })

// One space ---------------------------------------------------------------------------------------------------------------------

class Operations implements SpaceOperations {
  private readonly platform: Platform
  private readonly held: HeldOperations
  private readonly turn = Semaphore.makeUnsafe(1)

  constructor(platform: Platform, held: HeldOperations) {
    this.platform = platform
    this.held = held
  }

  get space() {
    return this.held.space
  }
  get membership() {
    return this.held.membership
  }
  get set() {
    return this.held.set
  }
  readonly heads = () => this.held.heads()
  readonly find = (id: string) => this.held.find(id)
  readonly list = () => this.held.list()
  readonly deviceOf = (feed: string) => this.held.deviceOf(feed)
  readonly waiting = () => this.held.waiting.size
  readonly unsupported = () => this.held.unsupported()
  readonly take = (operations: ReadonlyArray<Uint8Array>) => this.turn.withPermit(Effect.uninterruptible(this.taking(operations)))
  readonly publish = (payload: Payload, signer: Signer) =>
    this.turn.withPermit(Effect.uninterruptible(this.publishing(payload, signer)))
  readonly watch: SpaceOperations["watch"] = (listener) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => this.held.watch(listener)),
        (unwatch) => Effect.sync(unwatch)
      )
    )

  private readonly taking = Effect.fnUntraced({ self: this }, function* (operations: ReadonlyArray<Uint8Array>) {
    const refused: Array<string> = []
    const candidates: Array<DecodedOperation> = []
    for (const bytes of operations) {
      const decoded = decodeOperation(bytes, this.space, this.platform.crypto.hash)
      if (Result.isFailure(decoded)) {
        refused.push(decoded.failure.message)
      } else if (!this.held.has(decoded.success.operation.id)) {
        const why = this.refusal(decoded.success)
        if (why === null) candidates.push(decoded.success)
        else refused.push(why)
      }
    }
    const verified = yield* this.verified(candidates, refused)
    const before = this.held.waiting.size
    const added = yield* this.keep(verified, refused)
    return { added, waiting: Math.max(0, this.held.waiting.size - before), refused } satisfies Taken
  })

  /** Why an operation can be refused before its signatures are looked at, or null. */
  private refusal(decoded: DecodedOperation): string | null {
    const { operation, keys, signatures } = decoded
    // a key whose signature holds is one
    const unproven = keys.filter((key) => !signatures.some(({ publicKey }) => equalBytes(publicKey, key)))
    if (!unproven.every(this.platform.crypto.isKeyValid)) return "it names a key that is none"
    if (this.held.missingParent(decoded) !== null) return null
    return this.membership.isWithinRight(operation) ? null : noRight
  }

  private readonly verified = Effect.fnUntraced(
    { self: this },
    function* (candidates: ReadonlyArray<DecodedOperation>, refused: Array<string>) {
      const { crypto } = this.platform
      const holding: Array<DecodedOperation> = []
      for (let from = 0; from < candidates.length; from += stepOperations) {
        const step = candidates.slice(from, from + stepOperations)
        const holds = yield* crypto.verify(step.flatMap(({ signatures }) => signatures))
        let at = 0
        for (const decoded of step) {
          const end = at + decoded.signatures.length
          if (holds.slice(at, end).every(Boolean)) holding.push(decoded)
          else refused.push("a signature does not hold")
          at = end
        }
        if (from + stepOperations < candidates.length) yield* Effect.yieldNow
      }
      return holding
    }
  )

  /** Keeps what holds, and what waited for it, parents first; answers it once it is durable. */
  private readonly keep = Effect.fnUntraced(
    { self: this },
    function* (verified: ReadonlyArray<DecodedOperation>, refused: Array<string>) {
      const { held } = this
      const from = held.size
      const pending = [...verified].reverse()
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
        if (held.has(next.operation.id)) continue
        const parent = held.missingParent(next)
        if (parent !== null) {
          held.waiting.put(next, parent)
          continue
        }
        const why = yield* this.fault(next)
        if (why !== null) {
          refused.push(why)
          continue
        }
        held.add(next)
        pending.push(...held.waiting.release(next.operation.id))
      }
      held.membership.settle()
      const added = held.list().slice(from)
      if (added.length === 0) return added
      const batch = added.map(({ bytes }, i) => ({
        key: operationKey(this.space, from + i),
        value: encodeOperationRecord(bytes)
      }))
      yield* Effect.onError(this.platform.storage.write(batch, { durability: "strict" }), () =>
        Effect.sync(() => held.truncate(from))
      )
      held.changed(added)
      return added
    }
  )

  /** What is wrong with an operation whose parents are here, or null. */
  private readonly fault = Effect.fnUntraced({ self: this }, function* ({ acceptance, operation }: DecodedOperation) {
    if (!this.membership.isWithinRight(operation)) return noRight
    if (acceptance === null) return null
    const [holds] = yield* this.platform.crypto.verify([acceptance(this.identityOf(operation))])
    return holds === true ? null : "the device that it adds has not accepted it"
  })

  /** The identity by whose right an operation was made. */
  private identityOf({ by, proof }: Operation): Uint8Array {
    const holder = proof === null ? undefined : this.membership.holder(proof, by)
    // a device that an identity adds by its recovery key, in its own graph, cites nothing
    return holder === undefined ? this.space : bytesOfText(holder)
  }

  private readonly publishing = Effect.fnUntraced({ self: this }, function* (payload: Payload, signer: Signer) {
    const { clock, crypto, keyring } = this.platform
    const { held, membership, space } = this
    const by = "device" in signer ? signer.device : signer.recovery.publicKey
    const refuse = (reason: string) => new NotPermitted({ what: payload.type, reason })
    const isFull = held.size >= spaceOperationsMax || held.countBy(textOf(by)) >= signerOperationsMax
    if (isFull && !takesAway.has(payload.type))
      return yield* refuse(
        `${signerOperationsMax} control operations of one key, and ${spaceOperationsMax} of a space, are all there may be`
      )
    const right = membership.rightOf(textOf(by))
    if (right === null) return yield* refuse("this device is no member here, or no more. Ask an admin to let it in.")
    const proof = right.proof === null ? null : bytesOfText(right.proof)
    // what the recovery key adds begins a certificate
    const parents = proof === null && payload.type === "AddDevice" ? [] : this.parentsFor(payload, right.proof)
    const time = Math.floor(clock.currentTimeMillisUnsafe())
    const op = encodeOperation({ space, parents, by, proof, time, payload })
    const message = operationMessage(op, crypto.hash)
    const signature = "device" in signer ? yield* keyring.sign(by, message) : yield* crypto.sign(signer.recovery, message)
    const { added, refused } = yield* this.taking([encodeSigned(op, signature)])
    return added[0] ?? (yield* refuse(refused[0] ?? "it is there already"))
  })

  private parentsFor(payload: Payload, proof: string | null): ReadonlyArray<Uint8Array> {
    return parentsOf(this.membership, this.list(), payload, proof).map(bytesOfText).sort(compareBytes)
  }
}

/** Whoever has filled a space can be removed all the same. */
const takesAway: ReadonlySet<Payload["type"]> = new Set(["Cap", "RemoveDevice", "Leave"])

const noRight = "its signer has no right to it"
