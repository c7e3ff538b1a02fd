/**
 * Devices with identities and spaces on one network in memory, over all real layers: what a test of members needs.
 *
 * Each is made of a storage that outlasts it, so that a test may start it anew.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as SupervisorLayer from "../../src/layers/actor/Supervisor.ts"
import * as FeedStoreLayer from "../../src/layers/echo/FeedStore.ts"
import * as ReplicatorLayer from "../../src/layers/echo/Replicator.ts"
import * as SpaceServiceLayer from "../../src/layers/echo/SpaceService.ts"
import * as EntranceLayer from "../../src/layers/halo/Entrance.ts"
import * as IdentityStoreLayer from "../../src/layers/halo/IdentityStore.ts"
import * as OperationStoreLayer from "../../src/layers/halo/OperationStore.ts"
import * as ConnectionLayer from "../../src/layers/mesh/Connection.ts"
import * as SignalingMemory from "../../src/layers/mesh/SignalingMemory.ts"
import * as SwarmLayer from "../../src/layers/mesh/Swarm.ts"
import * as TransportMemory from "../../src/layers/mesh/TransportMemory.ts"
import * as DeviceLayer from "../../src/layers/peer/Device.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringStorage from "../../src/layers/platform/KeyringStorage.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import { encodeIdentityTicket } from "../../src/schema/echo/Space.ts"
import { acceptingMessage, decodeOffer, decodeWelcome, encodeAcceptance } from "../../src/schema/halo/Admission.ts"
import { decodeCertificate } from "../../src/schema/halo/Certificate.ts"
import { type Space, SpaceService } from "../../src/services/echo/SpaceService.ts"
import { type HeldIdentity, IdentityStore } from "../../src/services/halo/IdentityStore.ts"
import { OperationStore } from "../../src/services/halo/OperationStore.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import { Storage } from "../../src/services/platform/Storage.ts"
import { hash } from "./People.ts"

export interface Home {
  readonly storage: Storage["Service"]
  readonly identities: IdentityStore["Service"]
  readonly operations: OperationStore["Service"]
  readonly spaces: SpaceService["Service"]
  readonly keyring: Keyring["Service"]
}

const layer = (storage: Storage["Service"]) =>
  SpaceServiceLayer.layer({ urls: [] }).pipe(
    Layer.provideMerge(Layer.mergeAll(FeedStoreLayer.layer, ReplicatorLayer.layer, SupervisorLayer.layer)),
    Layer.provide(EntranceLayer.layer),
    Layer.provideMerge(Layer.provideMerge(IdentityStoreLayer.layer, OperationStoreLayer.layer)),
    Layer.provideMerge(DeviceLayer.layer),
    Layer.provide(SwarmLayer.layer),
    Layer.provide(Layer.mergeAll(SignalingMemory.layer, TransportMemory.layer, ConnectionLayer.layer)),
    Layer.provideMerge(KeyringStorage.layer),
    Layer.provide(Layer.merge(Layer.succeed(Storage, storage), CryptoNode.layer))
  )

/** A device, new, or of a storage that another one has left. */
const home = (storage: Storage["Service"] = StorageMemory.make()) =>
  Effect.map(
    Layer.build(Layer.fresh(layer(storage))),
    (services): Home => ({
      storage,
      identities: Context.get(services, IdentityStore),
      operations: Context.get(services, OperationStore),
      spaces: Context.get(services, SpaceService),
      keyring: Context.get(services, Keyring)
    })
  )

/** A device with an identity. */
export const person = Effect.flatMap(
  Effect.suspend(() => home()),
  (made) => Effect.map(made.identities.create(12), ({ identity, phrase }) => ({ ...made, identity, phrase }))
)
export type Person = Effect.Success<typeof person>

/** What the guest answers to an offer. */
const accept = ({ identities, identity, keyring }: Person, offer: string) =>
  Effect.gen(function* () {
    const offered = Result.getOrThrow(decodeOffer(offer, hash))
    if (offered.kind !== "space") throw new Error("an offer of a device")
    const certificate = Result.getOrThrow(decodeCertificate(yield* identities.certificate(identity), hash))
    const { agreement, device, id } = identity
    const acceptance = yield* keyring.sign(device, acceptingMessage(offered, { device, agreement }, id, hash))
    const { role, space } = offered
    return encodeAcceptance({ kind: "space", space, role, certificate, device, agreement, acceptance })
  })

/** Enters the space of a welcome. */
const enter = ({ operations, spaces }: Home, { id }: HeldIdentity, text: string) =>
  Effect.gen(function* () {
    const welcome = Result.getOrThrow(decodeWelcome(text, hash))
    yield* Effect.scoped(Effect.flatMap(operations.open(welcome.space, null), ({ take }) => take(welcome.operations)))
    return yield* spaces.open(encodeIdentityTicket({ space: welcome.space, identity: id, urls: [] }, hash))
  })

/** Lets a person into a space of another's. */
export const letIn = (host: Space, guest: Person, role: "reader" | "editor" | "admin" | "owner" = "editor") =>
  Effect.gen(function* () {
    const { admit, offer } = host.membership
    const welcome = yield* admit(yield* accept(guest, yield* offer(role)))
    return yield* enter(guest, guest.identity, welcome)
  })
