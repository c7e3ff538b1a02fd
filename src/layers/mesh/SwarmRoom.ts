/**
 * Which meetings of a topic are under way, and which devices are connected. A part of `Swarm`.
 *
 * A device may run at two places at once, when its folder was copied or put back elsewhere: both are served, so that each learns of the
 * other's feed and goes on in one of its own. More of them wait.
 */
import type * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type { Channel, Connection } from "../../services/mesh/Connection.ts"
import type { PeerId } from "../../services/mesh/Signaling.ts"
import type { Meeting } from "../../services/mesh/Transport.ts"

/** Connections that one device may have here at a time. */
const deviceConnectionsMax = 2

/** A meeting under way, to which signals are passed. */
export interface Appointment extends Meeting {
  readonly peer: PeerId
  readonly hex: string
  readonly inbox: Queue.Queue<Uint8Array>
  /** Whether the other end accepted. */
  readonly answer: Deferred.Deferred<boolean>
}

/** A device that has proved itself, and the connection to it. */
export interface Met {
  readonly peer: PeerId
  readonly meeting: string
  readonly device: Uint8Array
  readonly deviceText: string
  readonly connection: Connection
  readonly channel: Channel
}

export class Room {
  readonly meetings = new Map<string, Appointment>()
  /** The meeting of each peer whose offer was accepted and that has not proved itself. */
  readonly answering = new Map<PeerId, string>()
  readonly live = new Set<Met>()
  readonly space: Uint8Array

  constructor(space: Uint8Array) {
    this.space = space
  }

  connectionTo(peer: PeerId): Met | undefined {
    for (const met of this.live) if (met.peer === peer) return met
    return undefined
  }

  /** The connections to a device, the earliest first. */
  of(deviceText: string): ReadonlyArray<Met> {
    return [...this.live].filter((met) => met.deviceText === deviceText)
  }

  leave(met: Met): void {
    this.live.delete(met)
  }

  /**
   * Whether a connection stays beside those to its device. The later one of the same peer takes the place of the earlier, which that has
   * missed; of others those stay that live, and while there are too many of them it is ended.
   */
  readonly admit: (met: Met) => Effect.Effect<boolean> = Effect.fnUntraced({ self: this }, function* (met) {
    const before = this.connectionTo(met.peer)
    if (before === undefined) {
      const others = this.of(met.deviceText)
      const areAlive = yield* Effect.forEach(others, ({ connection }) => connection.probe, { concurrency: "unbounded" })
      for (const [i, other] of others.entries()) if (areAlive[i] === false) yield* this.replace(other)
      if (this.of(met.deviceText).length >= deviceConnectionsMax) {
        yield* met.connection.end("another connection stays")
        return false
      }
    }
    this.live.add(met)
    // it may have come while the others were asked
    for (const same of [...this.live]) if (same !== met && same.peer === met.peer) yield* this.replace(same)
    return true
  })

  private replace(met: Met): Effect.Effect<void> {
    this.leave(met)
    return met.connection.end("another connection stays")
  }
}
