/**
 * Troupe in a simulated world: the same peers under one seed, with virtual time and every fault that a network, a disk and a process have.
 */
export * as World from "./layers/simulation/World.ts"
export type { Left } from "./schema/simulation/Disk.ts"
export type { Fault, Kind } from "./schema/simulation/Fault.ts"
export * as Faults from "./schema/simulation/Faults.ts"
export { type Profile, profiles } from "./schema/simulation/Links.ts"
export type { Plan } from "./schema/simulation/Plan.ts"
export { Host } from "./services/simulation/Host.ts"
export type { Peers, Simulation } from "./services/simulation/Simulation.ts"
export { type Shared, type Trial, Violated, type Violation } from "./services/simulation/Trial.ts"
export * as Workload from "./services/simulation/Workload.ts"
export {
  type Crash,
  HostTouched,
  type Outcome,
  PeerDown,
  PeersRefused,
  type SimulatedPeer,
  type World as SimulatedWorld,
  WorldHalted
} from "./services/simulation/World.ts"
