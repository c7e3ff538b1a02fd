/**
 * Troupe in a simulated world: the same peers under one seed, with virtual time and every fault that a network, a disk and a process have.
 */
export * as World from "./layers/simulation/World.ts"
export type { Backup, Left } from "./schema/simulation/Disk.ts"
export { type Profile, profiles } from "./schema/simulation/Links.ts"
export { Host } from "./services/simulation/Host.ts"
export {
  type Crash,
  HostTouched,
  type Outcome,
  PeerDown,
  type SimulatedPeer,
  type SimulatedSignaling,
  type World as SimulatedWorld,
  WorldHalted
} from "./services/simulation/World.ts"
