/**
 * Troupe: local-first, peer-to-peer applications as one program.
 *
 * Platform-free: types of objects, spaces, and the ports that layers implement. Where a Peer lives is decided by another entry point
 * (`troupe/node`), so importing this one loads no platform's code.
 */
export * as PeerActors from "./layers/peer/PeerActors.ts"
export type { Fate } from "./schema/actor/Message.ts"
export * as Supervision from "./schema/actor/Supervision.ts"
export {
  type Fields,
  ObjectInvalid,
  type ObjectOf,
  ObjectType,
  type PatchOf,
  PropertyInvalid,
  type PropsOf,
  TypeInvalid
} from "./schema/echo/ObjectType.ts"
export { type Delta, PropertyUnknown, type QueryOptions, type Where } from "./schema/echo/Query.ts"
export { TicketInvalid } from "./schema/echo/Space.ts"
export { AdmissionInvalid } from "./schema/halo/AdmissionText.ts"
export { MnemonicInvalid } from "./schema/halo/Mnemonic.ts"
export { KubeInvalid } from "./schema/kube/KubeUrl.ts"
export { ArgumentInvalid } from "./schema/platform/ArgumentInvalid.ts"
export * as Actor from "./services/actor/Actor.ts"
export * from "./services/actor/ActorRef.ts"
export * from "./services/actor/ActorSystem.ts"
export * from "./services/actor/Persistence.ts"
export * from "./services/actor/Supervisor.ts"
export * from "./services/echo/FeedStore.ts"
export * from "./services/echo/SpaceService.ts"
export * from "./services/halo/IdentityService.ts"
export { IdentityMissing } from "./services/halo/IdentityStore.ts"
export { NotPermitted } from "./services/halo/OperationStore.ts"
export * from "./services/halo/SpaceMembership.ts"
export * from "./services/mesh/Signaling.ts"
export * from "./services/mesh/Transport.ts"
export * from "./services/peer/Peer.ts"
export * from "./services/platform/Crypto.ts"
export * from "./services/platform/Keyring.ts"
export * from "./services/platform/Sealing.ts"
export * from "./services/platform/Storage.ts"
