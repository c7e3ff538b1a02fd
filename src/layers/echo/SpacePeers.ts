/**
 * What one life of a space knows of other devices: who is connected, how far each has come, and what stood in the way.
 */
import * as Effect from "effect/Effect"
import type { Frontier } from "../../schema/echo/Frontier.ts"
import { Progress } from "../../schema/echo/Progress.ts"
import type { Observer } from "../../services/echo/Replicator.ts"

export class SpacePeers {
  readonly progress = new Progress()
  private readonly frontier: () => Frontier
  private readonly changed: () => void
  private readonly refusals = new Map<string, string>()
  private readonly failures = new Map<string, string>()

  constructor(frontier: () => Frontier, changed: () => void) {
    this.frontier = frontier
    this.changed = changed
  }

  /** What the replicator of a connection to a device tells and asks. */
  observer(device: string): Observer {
    return {
      frontier: this.frontier,
      acknowledged: (feed, length, before) => {
        this.progress.acknowledge(device, feed, length, before)
        this.changed()
      },
      sent: (feed, length) => {
        this.progress.handed(device, feed, length)
        this.changed()
      },
      refused: (feed, reason) => {
        const key = `${device} ${feed}`
        if (reason === null) this.refusals.delete(key)
        else this.refusals.set(key, `feed ${feed} is not taken from ${device}: ${reason}`)
        this.changed()
      }
    }
  }

  /** A connection to a device began. */
  met(device: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.progress.connected(device)
      this.changed()
    })
  }

  /** A connection to a device ended, and with it what was refused on it. */
  parted(device: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.progress.disconnected(device)
      for (const key of this.refusals.keys()) if (key.startsWith(device)) this.refusals.delete(key)
      this.changed()
    })
  }

  /** What the last connection to a device failed with, or null when a later one went well. */
  failed(device: string, reason: string | null): void {
    if (reason === null) this.failures.delete(device)
    else this.failures.set(device, reason)
    this.changed()
  }

  /** What is refused and what failed, each with its reason. */
  faults(): ReadonlyArray<string> {
    return [...this.refusals.values(), ...this.failures.values()]
  }
}
