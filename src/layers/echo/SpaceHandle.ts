/**
 * A space as this device holds it: who listens to it, and which of its lives is on. It outlasts them.
 *
 * A life is an `OpenSpace`, made of what is durable and of nothing else. When one crashes, whoever waits on it is told that the fate of
 * what he asked is unknown; reads, and writes that had not begun, wait for the next; live queries are then told what differs.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { TypeIndex } from "../../schema/echo/ObjectType.ts"
import { QueryIndex } from "../../schema/echo/Query.ts"
import { SpaceState } from "../../schema/echo/SpaceState.ts"
import { SpaceClosed, SpaceRestarted, type Transaction, type WriteError } from "../../services/echo/SpaceService.ts"
import type { OpenSpace } from "./OpenSpace.ts"
import type { Committed, Writing } from "./SpaceChange.ts"

export class SpaceHandle {
  readonly id: string
  readonly types = new TypeIndex()
  readonly queries = new QueryIndex(new SpaceState().objects)
  private current: OpenSpace | null = null
  private isBegun = false
  private crash: string | null = null
  private end: SpaceClosed | null = null
  private readonly ended = Deferred.makeUnsafe<void, SpaceClosed>()
  private readonly up = Latch.makeUnsafe(false)
  private readonly listeners = new Set<() => void>()
  private readonly turnListeners = new Set<() => void>()
  private readonly counters: Map<string, number>

  /** `counters`: the last one of each own feed that was given out. What was lost names nothing else later, under another handle either. */
  constructor(id: string, counters = new Map<string, number>()) {
    this.id = id
    this.counters = counters
  }

  /** Calls the listener, in line, whenever anything here may have changed. Answers how to stop. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  changed(): void {
    for (const listener of this.listeners) listener()
  }

  /** Calls the listener when a life begins, and when the space is closed. Answers how to stop. */
  onTurn(listener: () => void): () => void {
    this.turnListeners.add(listener)
    return () => this.turnListeners.delete(listener)
  }

  private turned(): void {
    for (const listener of this.turnListeners) listener()
    this.changed()
  }

  /** The life that is on; null between two of them. */
  get life(): OpenSpace | null {
    return this.current
  }

  /** Whether any life has begun. */
  get hasLived(): boolean {
    return this.isBegun
  }

  /** What the last life crashed with, while there is no other, or null. */
  get crashed(): string | null {
    return this.crash
  }

  /** The life that is on, waited for between two of them. */
  readonly live: Effect.Effect<OpenSpace, SpaceClosed> = Effect.suspend(() => {
    if (this.end !== null) return Effect.fail(this.end)
    return this.current === null ? Effect.andThen(this.up.await, this.live) : Effect.succeed(this.current)
  })

  /** A life begins: what is durable is loaded. */
  rose(life: OpenSpace): void {
    if (this.end !== null) return
    this.current = life
    this.isBegun = true
    this.crash = null
    this.up.openUnsafe()
    this.turned()
  }

  /** A life has crashed, perhaps before it had begun. */
  fell(life: OpenSpace | null, reason: string): void {
    if (this.end !== null || (this.current !== null && this.current !== life)) return
    this.current = null
    this.crash = reason
    this.up.closeUnsafe()
    life?.abandon(new SpaceRestarted({ space: this.id, reason }))
    this.changed()
  }

  /** Why nothing can be asked of the space any more, or null. */
  get closed(): SpaceClosed | null {
    return this.end
  }

  get awaitClosed(): Effect.Effect<void, SpaceClosed> {
    return Deferred.await(this.ended)
  }

  /** Closes the space for everybody who waits on it. `isFault` when it was not asked for. */
  close(reason: string, isFault: boolean): void {
    if (this.end !== null) return
    this.end = new SpaceClosed({ space: this.id, reason })
    Deferred.doneUnsafe(this.ended, isFault ? Effect.fail(this.end) : Effect.void)
    this.up.openUnsafe()
    this.current?.release()
    this.turned()
  }

  /** The last counter that a life has given out in an own feed. */
  counterOf(feed: string): number {
    return this.counters.get(feed) ?? 0
  }

  gave(feed: string, counter: number): void {
    this.counters.set(feed, Math.max(counter, this.counterOf(feed)))
  }

  /** Runs the body at once and commits what it did as one change set: merged here now, ended when it is durable. */
  commit<A>(body: (transaction: Transaction) => A, writing: Writing): Effect.Effect<Committed<A>, WriteError> {
    return Effect.flatMap(this.live, (life) => life.commit(body, writing))
  }
}
