/**
 * What a process sees of the space while others write: two live queries, counted and told to the parent, and the objects that both edit.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ObjectOf } from "../src/schema/echo/ObjectType.ts"
import type { Delta } from "../src/schema/echo/Query.ts"
import type { Space, SpaceClosed } from "../src/services/echo/SpaceService.ts"
import type { Message } from "./calls.ts"
import { City, isShared, Visit } from "./cities.ts"

const tellMilliseconds = 200

/** Follows a space from the moment on at which it is run. */
export class Sight {
  /** Cities that both edit, by row, in the form last seen. */
  readonly shared = new Map<number, ObjectOf<typeof City>>()
  readonly visits = new Map<string, ObjectOf<typeof Visit>>()
  /** Visits that were deleted. */
  readonly gone = new Map<string, ObjectOf<typeof Visit>>()
  private cities = 0
  private readonly space: Space

  constructor(space: Space) {
    this.space = space
  }

  private seeCities(delta: Delta<ObjectOf<typeof City>>): void {
    this.cities += delta.added.length - delta.removed.length
    for (const list of [delta.added, delta.updated])
      for (const city of list) if (isShared(city.row)) this.shared.set(city.row, city)
  }

  private seeVisits(delta: Delta<ObjectOf<typeof Visit>>): void {
    for (const list of [delta.added, delta.updated]) for (const visit of list) this.visits.set(visit.id, visit)
    for (const visit of delta.added) this.gone.delete(visit.id)
    for (const visit of delta.removed) {
      this.visits.delete(visit.id)
      this.gone.set(visit.id, visit)
    }
  }

  follow(tell: (message: Message) => void): Effect.Effect<void, SpaceClosed> {
    const cities = Stream.runForEach(this.space.query(City).changes, (delta) => Effect.sync(() => this.seeCities(delta)))
    const visits = Stream.runForEach(this.space.query(Visit).changes, (delta) => Effect.sync(() => this.seeVisits(delta)))
    const report = Effect.gen({ self: this }, function* () {
      let told = ""
      for (;;) {
        const held = { cities: this.cities, visits: this.visits.size }
        if (told !== (told = `${held.cities} ${held.visits}`)) tell({ held })
        yield* Effect.sleep(tellMilliseconds)
      }
    })
    return Effect.asVoid(Effect.all([cities, visits, report], { concurrency: "unbounded", discard: true }))
  }
}
