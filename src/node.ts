/**
 * Troupe in a Node process: a whole Peer, and the layers that it is put together from.
 */

export * as PeerMemory from "./layers/peer/PeerMemory.ts"
export * as PeerNode from "./layers/peer/PeerNode.ts"
export * as CryptoNoble from "./layers/platform/CryptoNoble.ts"
export * as CryptoNode from "./layers/platform/CryptoNode.ts"
export * as StorageLevel from "./layers/platform/StorageLevel.ts"
export * as StorageMemory from "./layers/platform/StorageMemory.ts"
