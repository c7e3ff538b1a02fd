/**
 * Contract suites for what one implements oneself: run them, in Vitest, on your own layers (`troupe/testing`).
 */

export { type ActorProbe, actorProbe, deadLetters, type Received, Unexpected } from "./ActorProbe.ts"
export { FaultyDisk, type Outcome } from "./FaultyDisk.ts"
export { type Fault, FaultyFileSystem } from "./FaultyFileSystem.ts"
export { type Line, type SignalingUnderTest, signalingConformance } from "./Signaling.ts"
export { it } from "./Simulated.ts"
export {
  type StorageOverFileSystem,
  type StorageRule,
  type StorageUnderTest,
  storageConformance,
  storageRules
} from "./Storage.ts"
export { keepWriting } from "./StorageWriter.ts"
export { type TransportUnderTest, transportConformance } from "./Transport.ts"
