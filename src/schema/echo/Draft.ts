/**
 * What a transaction has done so far: mutations that are not yet stamped, and the objects that it made.
 *
 * It reads the state and never changes it, so a body that throws leaves nothing behind. What is refused adds nothing and is thrown; the
 * first refusal is kept, so that a body that catches it commits nothing either. A body is run again over what it made the first time when
 * its change is repeated: then its mutations only tell whether it is the same change, and what it creates is answered as it is by now.
 */
import { ArgumentInvalid, demandObject } from "../platform/ArgumentInvalid.ts"
import { type Dot, life, type Mutation, opCreate } from "./ChangeSet.ts"
import type { Entry } from "./Objects.ts"
import {
  creating,
  demandType,
  dotOf,
  drafted,
  ObjectInvalid,
  type ObjectOf,
  type ObjectType,
  type PatchOf,
  type PropertyInvalid,
  type PropsOf,
  read,
  type TypeIndex,
  typeOf,
  updating
} from "./ObjectType.ts"
import { profileCounter, putInProfile } from "./Profile.ts"
import type { SpaceState } from "./SpaceState.ts"

/** How a draft says that an object is not here, or that its type is not known. */
export interface Refusals<E> {
  readonly missing: (id: string) => E
  readonly untyped: (id: string) => E
}

/** The objects that a change made when it was made, in order. */
export interface Made {
  readonly feed: number
  readonly counters: ReadonlyArray<number>
}

/** What the program is told that asks for something else by a command that was carried out. */
export const otherChange = (): Error =>
  new Error(
    "the command names another change already, which was made; this one was not. Name each change that is meant with a command of its own."
  )

/** What the program is told that would write what everybody else takes for void. */
const othersProfile = (call: string, id: string): Error =>
  new Error(`${call} cannot change ${id}: it is the profile of another feed, and a profile is written in its own feed alone.`)

const anObject = "an object of the space (as create, get or a query answered it)"

export class Draft<E> {
  readonly mutations: Array<Mutation> = []
  /** The first thing that was refused, or null. `isFault`: the program is wrong, not its data. */
  refusal:
    | { readonly error: PropertyInvalid | E; readonly isFault: false }
    | { readonly error: Error; readonly isFault: true }
    | null = null
  private isOver = false
  private readonly made = new Set<string>()
  private readonly updated = new Set<Entry>()
  private readonly state: SpaceState
  private readonly types: TypeIndex
  private readonly refusals: Refusals<E>
  private readonly before: Made | null

  constructor(state: SpaceState, types: TypeIndex, refusals: Refusals<E>, before: Made | null = null) {
    this.state = state
    this.types = types
    this.refusals = refusals
    this.before = before
  }

  create<T extends ObjectType>(type: T, properties: PropsOf<T>): ObjectOf<T> {
    return this.whole(() => {
      demandType("create", type)
      demandObject(`create(${type.name}, …)`, "the object's properties", properties)
      this.types.note(type)
      const { feed, counter } = this.nextObject()
      this.demand(creating(type, properties, feed, counter, this.mutations))
      const object = this.asItIs(type, feed, counter) ?? drafted(type, this.state.feeds, feed, counter, properties)
      this.made.add(object.id)
      return object
    })
  }

  private nextObject(): Dot {
    const { before, made, state } = this
    if (before === null) return { feed: state.ownFeed, counter: state.next + this.mutations.length }
    const counter = before.counters[made.size]
    if (counter === undefined) throw otherChange()
    return { feed: before.feed, counter }
  }

  /** An object that this change made the first time; null when there is none, or it is no more what it was made as. */
  private asItIs<T extends ObjectType>(type: T, feed: number, counter: number): ObjectOf<T> | null {
    const { before, state } = this
    const entry = before === null ? undefined : state.objects.find(feed, counter)
    if (entry?.kind?.name !== type.name) return null
    const object = read(type, state.objects, entry)
    return object instanceof ObjectInvalid ? null : object
  }

  /** Answers the type that the object was taken for. */
  update<T extends ObjectType>(object: ObjectOf<T> | ObjectInvalid<T>, patch: PatchOf<T>): T {
    return this.whole(() => {
      const { feed, counter, entry } = this.find("update", object)
      demandObject("update", "the properties to be changed", patch)
      const type = typeOf(object) ?? this.types.ofEntry(entry)
      if (type === undefined) return this.refuse(this.refusals.untyped(object.id))
      const before = type.isFlat ? null : this.unwritten(entry)
      // what the object was read as, or the only type of its name
      this.demand(updating(type as T, feed, counter, before, patch, this.mutations))
      return type as T
    })
  }

  setDeleted(object: { readonly id: string }, isDeleted: boolean): void {
    this.whole(() => {
      const { feed, counter } = this.find(isDeleted ? "delete" : "restore", object)
      this.mutations.push(life(feed, counter, isDeleted))
    })
  }

  /** Says who writes here, in the profile of the own feed; `order` puts the name before those of a lower one. */
  profile(name: string, order: number | undefined): void {
    this.whole(() => {
      this.mutations.push(putInProfile(this.state.ownFeed, "name", name))
      if (order !== undefined) this.mutations.push(putInProfile(this.state.ownFeed, "order", order))
    })
  }

  /** Whether it changes nothing but the profile of the own feed. */
  get isOfOwnProfile(): boolean {
    const { ownFeed } = this.state
    return this.mutations.every(({ counter, feed, op }) => op !== opCreate && feed === ownFeed && counter === profileCounter)
  }

  /** From now on whoever still holds the transaction is told that it is over. */
  end(): void {
    this.isOver = true
  }

  /** All of what one call adds, or nothing of it. */
  private whole<A>(step: () => A): A {
    if (this.isOver) {
      const says = "the transaction is over: it can be used only within the function given to change, before that returns."
      throw new Error(`${says} Start another with change.`)
    }
    const { length } = this.mutations
    try {
      return step()
    } catch (error) {
      this.mutations.length = length
      if (this.refusal === null && error instanceof Error) this.refusal = { error, isFault: true }
      throw error
    }
  }

  /** The entry if this draft has not written to it yet: afterwards, and in a repetition, it cannot say what differs. */
  private unwritten(entry: Entry | null): Entry | null {
    if (entry === null || this.before !== null || this.updated.has(entry)) return null
    this.updated.add(entry)
    return entry
  }

  private demand(refusal: PropertyInvalid | null): void {
    if (refusal !== null) this.refuse(refusal)
  }

  private refuse(error: PropertyInvalid | E): never {
    this.refusal ??= { error, isFault: false }
    throw error
  }

  /** An object of the space, or one that this very draft made, which has no entry yet. */
  private find(
    call: string,
    object: { readonly id: string }
  ): {
    readonly feed: number
    readonly counter: number
    readonly entry: Entry | null
  } {
    demandObject(call, anObject, object)
    if (typeof object.id !== "string") throw new ArgumentInvalid({ call, takes: `${anObject} with its id`, given: object })
    const dot = dotOf(object, this.state.feeds)
    if (dot !== null && dot.counter === profileCounter && dot.feed !== this.state.ownFeed) throw othersProfile(call, object.id)
    const entry = dot === null ? undefined : this.state.objects.find(dot.feed, dot.counter)
    if (dot === null || (entry === undefined && !this.made.has(object.id))) return this.refuse(this.refusals.missing(object.id))
    return { feed: dot.feed, counter: dot.counter, entry: entry ?? null }
  }
}
