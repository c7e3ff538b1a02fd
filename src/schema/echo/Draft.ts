/**
 * What a transaction has done so far: mutations that are not yet stamped, and the objects that it made.
 *
 * It reads the state and never changes it, so a body that throws leaves nothing behind.
 */
import { life, type Mutation } from "./ChangeSet.ts"
import type { Entry } from "./Objects.ts"
import {
  creating,
  dotOf,
  drafted,
  type ObjectInvalid,
  type ObjectOf,
  type ObjectType,
  type PatchOf,
  type PropsOf,
  typeOf,
  updating
} from "./ObjectType.ts"
import type { SpaceState } from "./SpaceState.ts"

/** Thrown inside a transaction's body and caught around it: the typed reason why the whole is refused. */
export class DraftRefused<E> {
  readonly error: E
  constructor(error: E) {
    this.error = error
  }
}

export class Draft<Missing> {
  readonly mutations: Array<Mutation> = []
  private readonly made = new Set<string>()
  private readonly updated = new Set<Entry>()
  private readonly state: SpaceState
  private readonly missing: (id: string) => Missing

  constructor(state: SpaceState, missing: (id: string) => Missing) {
    this.state = state
    this.missing = missing
  }

  create<T extends ObjectType>(type: T, properties: PropsOf<T>): ObjectOf<T> {
    const { feeds, next, ownFeed } = this.state
    const counter = next + this.mutations.length
    this.demand(creating(type, properties, ownFeed, counter, this.mutations))
    const object = drafted(type, feeds, ownFeed, counter, properties)
    this.made.add(object.id)
    return object
  }

  update<T extends ObjectType>(object: ObjectOf<T> | ObjectInvalid<T>, patch: PatchOf<T>): void {
    const { feed, counter, entry } = this.find(object)
    const type = typeOf(object)
    if (type === undefined) throw new DraftRefused(this.missing(object.id))
    this.demand(updating(type as T, feed, counter, type.isFlat ? null : this.unwritten(entry), patch, this.mutations))
  }

  setDeleted(id: string, isDeleted: boolean): void {
    const { feed, counter } = this.find({ id })
    this.mutations.push(life(feed, counter, isDeleted))
  }

  /** The entry if this draft has not written to it yet: afterwards it cannot say what differs. */
  private unwritten(entry: Entry | null): Entry | null {
    if (entry === null || this.updated.has(entry)) return null
    this.updated.add(entry)
    return entry
  }

  private demand<E>(refusal: E | null): void {
    if (refusal !== null) throw new DraftRefused(refusal)
  }

  /** An object of the space, or one that this very draft made, which has no entry yet. */
  private find(object: { readonly id: string }): {
    readonly feed: number
    readonly counter: number
    readonly entry: Entry | null
  } {
    const dot = dotOf(object, this.state.feeds)
    const entry = dot === null ? undefined : this.state.objects.find(dot.feed, dot.counter)
    if (dot === null || (entry === undefined && !this.made.has(object.id))) throw new DraftRefused(this.missing(object.id))
    return { feed: dot.feed, counter: dot.counter, entry: entry ?? null }
  }
}
