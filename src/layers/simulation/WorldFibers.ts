/**
 * Numbers the fibers of a world by life, since their numbers leave it: effect/rpc sends who interrupted a request, and logs name fibers.
 *
 * Effect counts the fibers of the whole process, so the same seed would be another execution the second time. It sets `id` on a fiber
 * after its context, so that an accessor on their prototype can ask the scheduler of that context; all other schedulers leave Effect's.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"

/** A scheduler whose fibers have numbers of their own. */
export interface NumberingScheduler extends Scheduler.Scheduler {
  readonly nextFiberId: () => number
}

const given = Symbol("troupe/simulation/FiberId")

interface Numbered extends Fiber.Fiber<unknown, unknown> {
  [given]: number
}

let isInstalled = false

/** Installs the accessor, once for the process. */
export const installFiberIds = (): void => {
  if (isInstalled) return
  isInstalled = true
  const prototype: object = Object.getPrototypeOf(Effect.runFork(Effect.void))
  Object.defineProperty(prototype, "id", {
    configurable: true,
    get(this: Numbered): number {
      return this[given]
    },
    set(this: Numbered, id: number) {
      const { nextFiberId } = this.cache.scheduler as Partial<NumberingScheduler>
      this[given] = nextFiberId === undefined ? id : nextFiberId()
    }
  })
}
