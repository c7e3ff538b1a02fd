/**
 * The places of a topic's entrance, for devices that have proved their keys and not yet that they are members. A part of `Swarm`.
 *
 * Anybody has keys, so places are few, and a stranger's is taken by who comes later: of those that are no members the one goes that has
 * had a place for longest. Among members people count, however many devices they have: who has most places gives one to who has at
 * least two less. A device that has no place takes one of its own person's others, which may be slow; nobody else suffers by that.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

/** Devices that may be in the entrance at once. */
const placesMax = 16

interface Place {
  readonly device: string
  /** Whose device it is; null of who is no member. */
  readonly person: string | null
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
    person: string | null,
    entering: Effect.Effect<A, E, R>,
    lost: (reason: string) => Effect.Effect<never, E2>
  ): Effect.Effect<A, E | E2, R> =>
    Effect.suspend(() => {
      const last = this.places.size < placesMax ? null : (this.firstStranger() ?? this.givenTo(device, person))
      if (last === undefined) return lost("there is no room to let it in")
      const place = { device, person, taken: Deferred.makeUnsafe<void>() }
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
    for (const place of this.places) if (place.person === null) return place
    return undefined
  }

  /** A member's place for a device, where none is a stranger's; undefined when there is none for it. */
  private givenTo(device: string, person: string | null): Place | undefined {
    if (person === null) return spareOf([...this.places])
    const byPerson = Map.groupBy(this.places, (place) => place.person)
    const own = byPerson.get(person) ?? []
    let most = own
    for (const held of byPerson.values()) if (held.length > most.length) most = held
    if (most.length >= own.length + 2) return spareOf(most) ?? most[0]
    return own.some((place) => place.device === device) ? undefined : (spareOf(own) ?? own[0])
  }
}

/** The first place of a device that has several. */
const spareOf = (held: ReadonlyArray<Place>): Place | undefined =>
  held.find(({ device }) => held.filter((place) => place.device === device).length > 1)
