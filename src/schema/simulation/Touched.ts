/**
 * How often what is wrong in a world made a difference, since the world began. A fault after which no such number has grown has changed
 * nothing.
 */

/** Of a link, one way. */
export interface TouchedLink {
  /** Packets, and tries to reach somebody, that met it cut. */
  readonly cut: number
  /** The same, of one that was clogged. */
  readonly clogged: number
  /** Packets that were sent while it was slow. */
  readonly slowed: number
  /** Frames that did not arrive as they were sent. */
  readonly corrupted: number
}

/** Of a peer, through all its lives. */
export interface TouchedPeer {
  /** Tasks and timers whose time came while it was frozen. */
  readonly held: number
  /** Operations that its disk took longer for. */
  readonly slowed: number
  /** Writes that its disk had no room for. */
  readonly refused: number
  /** How often its wall clock was read while it was skewed. */
  readonly skewed: number
  /** How often a clock of it was read, or a sleep begun, and showed that it drifts. */
  readonly drifted: number
  /** How often its wall clock was read after it had jumped, until it was set. */
  readonly jumped: number
}

/** Of the KUBE. */
export interface TouchedSignaling {
  /** Lines that it ended, and those that it did not take because it was down. */
  readonly ended: number
  /** Packets to it and from it that were sent while it was slow. */
  readonly slowed: number
  /** Signals that were lost, doubled or late. */
  readonly careless: number
}
