/**
 * IdentityStore over Storage, Crypto, Keyring and OperationStore.
 *
 * A record is written before the first operation of its identity: a crash between the two leaves keys that nothing names, and no identity.
 */
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { acceptDeviceMessage } from "../../schema/halo/Acceptance.ts"
import { encodeCertificate } from "../../schema/halo/Certificate.ts"
import { identityId, identityOf } from "../../schema/halo/Identity.ts"
import {
  decodeIdentityRecord,
  encodeIdentityRecord,
  type IdentityRecord,
  identityKey,
  identityKeys
} from "../../schema/halo/IdentityRecords.ts"
import { phraseOf, readPhrase } from "../../schema/halo/Mnemonic.ts"

import type { DecodedOperation } from "../../schema/halo/OperationCodec.ts"
import { seedOf } from "../../schema/halo/RecoveryKeys.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import { acceptancesMax, certificateLinksMax } from "../../schema/platform/Limits.ts"
import { type HeldIdentity, IdentityMissing, IdentityStore } from "../../services/halo/IdentityStore.ts"
import { OperationStore, type SpaceOperations } from "../../services/halo/OperationStore.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { Keyring } from "../../services/platform/Keyring.ts"
import { Storage, StorageFailed } from "../../services/platform/Storage.ts"

const identitiesMax = 1_000
const entropyBytes = { 12: 16, 24: 32 } as const

const make = Effect.gen(function* () {
  const storage = yield* Storage
  const crypto = yield* Crypto
  const keyring = yield* Keyring
  const operationStore = yield* OperationStore

  const heldOf = (genesis: Uint8Array, device: Uint8Array, agreement: Uint8Array): HeldIdentity => {
    const id = identityId(genesis, crypto.hash)
    return { id, text: Base64Url.encode(id), genesis, device, deviceText: Base64Url.encode(device), agreement }
  }

  /** What is left of an identity that is being removed; its record goes last. */
  const remove = Effect.fnUntraced(function* (identity: HeldIdentity) {
    const [own] = yield* keyring.list("device")
    if (own === undefined || !equalBytes(own, identity.device)) yield* keyring.remove(identity.device)
    yield* keyring.remove(identity.agreement)
    yield* operationStore.wipe(identity.id)
    yield* storage.write([{ key: identityKey(identity.id), value: null }], { durability: "strict" })
  })

  const records = Effect.gen(function* () {
    const found: Array<{ readonly held: HeldIdentity; readonly record: IdentityRecord }> = []
    for (const { value } of yield* storage.range({ ...identityKeys, limit: identitiesMax })) {
      const record = decodeIdentityRecord(value)
      if (Result.isFailure(record))
        return yield* new StorageFailed({ folder: "the storage", operation: "reading an identity", cause: record.failure })
      const { agreement, device, genesis, isLeaving } = record.success
      const held = heldOf(genesis, device, agreement)
      if (isLeaving) yield* remove(held)
      else found.push({ held, record: record.success })
    }
    return found.sort((a, b) => a.record.order - b.record.order)
  })

  const keep = ({ id }: HeldIdentity, record: IdentityRecord) =>
    storage.write([{ key: identityKey(id), value: encodeIdentityRecord(record) }], { durability: "strict" })

  const recordOf = (identity: HeldIdentity) =>
    Effect.map(records, (all) => all.find(({ held }) => held.text === identity.text)?.record ?? null)

  /** Forgets the earliest acceptances that wait for a welcome, so that there is room for one more. */
  const makeRoom = Effect.fnUntraced(function* (all: ReadonlyArray<HeldIdentity>) {
    const waiting = yield* Effect.filter(all, (held) => Effect.map(isDevice(held), (isOne) => !isOne))
    for (const held of waiting.slice(0, Math.max(0, waiting.length - acceptancesMax + 1))) yield* remove(held)
  })

  const prepare = Effect.fnUntraced(function* (genesis: Uint8Array) {
    const all = yield* records
    const text = Base64Url.encode(identityId(genesis, crypto.hash))
    const known = all.find(({ held }) => held.text === text)
    if (known !== undefined) return known.held
    yield* makeRoom(all.map(({ held }) => held))
    // the first identity is known by the device's own key, by which actors are called, too; others must not be told to be the same person's
    const [own] = all.length === 0 ? yield* keyring.list("device") : []
    const held = heldOf(genesis, own ?? (yield* keyring.generate("device")), yield* keyring.generate("agreement"))
    const order = 1 + all.reduce((most, { record }) => Math.max(most, record.order), 0)
    yield* keep(held, { genesis, device: held.device, agreement: held.agreement, order, isConfirmed: false, isLeaving: false })
    return held
  })

  const recoveredBy = (phrase: string) => {
    const signingKeyOf = (secretKey: Uint8Array) => crypto.pairOf(secretKey).publicKey
    const encryptionKeyOf = (secretKey: Uint8Array) => crypto.agreementOf(secretKey).publicKey
    const { hash, hkdf, hmac512: hmac } = crypto
    return identityOf(seedOf(phrase, crypto.pbkdf2), { hash, hmac, hkdf, signingKeyOf, encryptionKeyOf })
  }

  const create = Effect.fnUntraced(function* (words: 12 | 24) {
    const phrase = phraseOf(yield* crypto.random(entropyBytes[words]))
    const { encryption, genesis, recovery } = recoveredBy(phrase)
    const identity = yield* prepare(genesis)
    const { agreement, device, id } = identity
    const acceptance = yield* keyring.sign(device, acceptDeviceMessage({ identity: id, device, agreement }, crypto.hash))
    const added = Effect.flatMap(operations(identity), ({ publish }) =>
      publish({ type: "AddDevice", device, agreement, acceptance }, { recovery })
    )
    yield* Effect.ensuring(
      Effect.scoped(added),
      Effect.sync(() => {
        recovery.secretKey.fill(0)
        encryption.secretKey.fill(0)
      })
    )
    return { identity, phrase: Redacted.make(phrase) }
  })

  const operations = (identity: HeldIdentity) => operationStore.open(identity.id, identity.genesis)

  const isDevice = (identity: HeldIdentity) =>
    Effect.scoped(
      Effect.map(operations(identity), ({ membership }) => membership.device(identity.deviceText).standing !== "stranger")
    )

  const list = Effect.flatMap(records, (all) =>
    Effect.filter(
      all.map(({ held }) => held),
      isDevice
    )
  )

  return IdentityStore.of({
    create: (words) => Effect.uninterruptible(create(words)),
    prepare,
    prepared: (text) => Effect.map(records, (all) => all.find(({ held }) => held.text === text)?.held ?? null),
    list,
    find: (text) =>
      Effect.flatMap(list, (all) => {
        const found = all.find((each) => each.text === text)
        return found === undefined ? Effect.fail(new IdentityMissing({ identity: text })) : Effect.succeed(found)
      }),
    operations,
    certificate: (identity) =>
      Effect.scoped(
        Effect.flatMap(operations(identity), (graph) => {
          const links = linksTo(graph, identity.deviceText)
          if (links === null) return Effect.fail(new IdentityMissing({ identity: identity.text }))
          return Effect.succeed(encodeCertificate({ genesis: identity.genesis, links }))
        })
      ),
    recovered: (typed) =>
      Effect.map(Effect.fromResult(readPhrase(Redacted.value(typed))), (entropy) => recoveredBy(phraseOf(entropy))),
    isConfirmed: (identity) => Effect.map(recordOf(identity), (record) => record?.isConfirmed === true),
    confirm: Effect.fnUntraced(function* (identity) {
      const record = yield* recordOf(identity)
      if (record !== null) yield* keep(identity, { ...record, isConfirmed: true })
    }),
    wipe: Effect.fnUntraced(function* (identity) {
      const record = yield* recordOf(identity)
      if (record === null) return
      yield* keep(identity, { ...record, isLeaving: true })
      yield* remove(identity)
    })
  })
})

export const layer: Layer.Layer<IdentityStore, never, Storage | Crypto | Keyring | OperationStore> = Layer.effect(
  IdentityStore,
  make
)

/** The operations that made a device one of its identity's, from the recovery key on; the shortest way, null when there is none. */
const linksTo = (graph: SpaceOperations, device: string): ReadonlyArray<Uint8Array> | null => {
  const added = graph.list().filter(({ operation: { deed } }) => deed.type === "AddDevice")
  let best: ReadonlyArray<Uint8Array> | null = null
  for (const last of added) {
    if (last.operation.deed.type !== "AddDevice" || last.operation.deed.device !== device) continue
    if (graph.membership.standing(last.operation.id) !== "valid") continue
    const links: Array<Uint8Array> = []
    for (let link: DecodedOperation | undefined = last; link !== undefined; link = graph.find(link.operation.proof ?? ""))
      links.unshift(link.bytes)
    if (links.length <= certificateLinksMax && (best === null || links.length < best.length)) best = links
  }
  return best
}
