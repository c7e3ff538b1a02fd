/**
 * The places of a topic's entrance, for devices that have proved their keys and not yet that they are members. A part of `Swarm`.
 *
 * Anybody has keys, so places are few, and a stranger's is taken by who comes later: of those that are no members the one goes that has
 * had a place for longest. Of members, who has several places gives the first of them to a device that has none; the only one is kept.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

/** Devices that may be in the entrance at once. */
const placesMax = 16

interface Place {
  readonly device: string
  readonly isMember: boolean
  readonly taken: Deferred.Deferred<void>
}

export class SwarmEntrance {
  private readonly places = new Set<Place>()

  get size(): number {
    return this.places.size
  }

  /** Runs `entering` in a place; answers what `lost` makes when there is none, or it was given to another. */
  readonly within = <A, E, R, E2>(
    device: string,
    isMember: boolean,
    entering: Effect.Effect<A, E, R>,
    lost: (reason: string) => Effect.Effect<never, E2>
  ): Effect.Effect<A, E | E2, R> =>
    Effect.suspend(() => {
      const last = this.places.size < placesMax ? null : (this.firstStranger() ?? this.firstSpare(device))
      if (last === undefined) return lost("there is no room to let it in")
      const place = { device, isMember, taken: Deferred.makeUnsafe<void>() }
      if (last !== null) this.places.delete(last)
      this.places.add(place)
      const replaced = Effect.flatMap(Deferred.await(place.taken), () => lost("another device has its place"))
      const run = Effect.ensuring(
        Effect.raceFirst(entering, replaced),
        Effect.sync(() => this.places.delete(place))
      )
      return last === null ? run : Effect.andThen(Deferred.succeed(last.taken, undefined), run)
    })

  private firstStranger(): Place | undefined {
    for (const place of this.places) if (!place.isMember) return place
    return undefined
  }

  /** A place of a device that has others, for one that has none. */
  private firstSpare(device: string): Place | undefined {
    const seen = new Map<string, Place>()
    let spare: Place | undefined
    for (const place of this.places) {
      if (place.device === device) return undefined
      const first = seen.get(place.device)
      if (first === undefined) seen.set(place.device, place)
      else spare ??= first
    }
    return spare
  }
}
