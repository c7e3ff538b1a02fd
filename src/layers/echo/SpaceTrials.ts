/**
 * How connections to devices failed, until later ones have shown that it is over: a failure that is only tried again reaches nobody.
 *
 * A failed connection is made anew at once, so that it is connected says little. It counts as well when it has held for longer than the
 * one that failed: a full disk fails when the first run comes, a peer that owes an answer only after minutes.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ReplicationFailed } from "../../services/echo/Replicator.ts"
import { elapsedMillis } from "../../services/platform/Elapsed.ts"
import type { StorageError } from "../../services/platform/Storage.ts"
import type { SpacePeers } from "./SpacePeers.ts"

/** For how long a connection is on trial at least, and at most: longer than a silent peer is borne with. */
const trialMillisMin = 10_000
const trialMillisMax = 150_000

export class SpaceTrials {
  private readonly clock: Clock.Clock
  /** By device: what it failed with, and for how long the next one has to hold. */
  private readonly failures = new Map<string, { readonly reason: string; readonly millis: number }>()

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  /** Runs a connection to a device. What it fails with stands in the space's status, and once in the log. */
  readonly watched = <R>(
    peers: SpacePeers,
    device: string,
    run: Effect.Effect<void, ReplicationFailed | StorageError, R>
  ): Effect.Effect<void, ReplicationFailed | StorageError, R | Scope.Scope> =>
    Effect.gen({ self: this }, function* () {
      const since = elapsedMillis(this.clock)
      const trial = this.failures.get(device)
      if (trial !== undefined) yield* Effect.forkScoped(Effect.delay(this.passed(peers, device), trial.millis))
      yield* Effect.tapError(run, (error) => this.failed(peers, device, error, elapsedMillis(this.clock) - since))
    })

  private passed(peers: SpacePeers, device: string): Effect.Effect<void> {
    return Effect.sync(() => {
      this.failures.delete(device)
      peers.failed(device, null)
    })
  }

  private failed(peers: SpacePeers, device: string, error: ReplicationFailed | StorageError, held: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const reason = error._tag === "ReplicationFailed" ? error.message : `replication with ${device} failed: ${error.message}`
      const isKnown = this.failures.get(device)?.reason === reason
      this.failures.set(device, { reason, millis: Math.min(Math.max(held, trialMillisMin), trialMillisMax) })
      peers.failed(device, reason)
      return isKnown ? Effect.void : Effect.logWarning(reason)
    })
  }
}
