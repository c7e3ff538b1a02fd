/**
 * Guards Node while a world runs: its clocks, its randomness, its timers and its network throw, with the stack of who asked.
 *
 * The loop of a world is synchronous, so they are swapped on entry and put back on exit, and nobody else sees it. One thing is let
 * through: Effect numbers functions and other things without a content of their own by `Math.random`, for its hash maps; there it gets
 * a constant, which leaves them in the order in which they came.
 */
import type { Guard, Violation } from "../../services/simulation/Host.ts"

const refusedGlobals = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch", "WebSocket"] as const

/** The line of a stack that says who called what throws: the third, after the message and the trap. */
const callerOf = (stack: string): string => stack.split("\n")[2] ?? ""
const isIdentityHash = (stack: string): boolean => /\bHash\.(?:js|ts)/.test(callerOf(stack))

let isGuarding = false

export const guard: Guard = {
  during: (body, record) => {
    // a world in a world is guarded by the outer one
    if (isGuarding) return body()
    isGuarding = true
    const restore: Array<() => void> = []
    try {
      for (const [owner, name, value] of trapsOf(record)) restore.push(replace(owner, name, value))
      return body()
    } finally {
      for (const undo of restore.reverse()) undo()
      isGuarding = false
    }
  }
}

type Trap = readonly [owner: object, name: string, value: unknown]

const trapsOf = (record: (violation: Violation) => void): ReadonlyArray<Trap> => {
  const refuse = (what: string) => {
    const trap = (): never => {
      const error = new Error(`${what} was called inside a simulated world`)
      record({ what, stack: error.stack ?? "" })
      throw error
    }
    return trap
  }
  const random = (): number => {
    if (isIdentityHash(new Error().stack ?? "")) return 0.5
    return refuse("Math.random")()
  }
  const clockless: DateConstructor = new Proxy(Date, {
    construct: (target, args, newTarget): object =>
      args.length === 0 ? refuse("new Date()")() : Reflect.construct(target, args, newTarget === clockless ? target : newTarget),
    apply: () => refuse("Date()")()
  })
  return [
    [Date, "now", refuse("Date.now")],
    [globalThis, "Date", clockless],
    [Math, "random", random],
    ...refusedGlobals.map((name): Trap => [globalThis, name, refuse(name)]),
    [performance, "now", refuse("performance.now")],
    [globalThis.crypto, "getRandomValues", refuse("crypto.getRandomValues")],
    [globalThis.crypto, "randomUUID", refuse("crypto.randomUUID")],
    [globalThis.crypto.subtle, "digest", refuse("crypto.subtle")],
    [globalThis.crypto.subtle, "sign", refuse("crypto.subtle")],
    [globalThis.crypto.subtle, "verify", refuse("crypto.subtle")],
    [process, "nextTick", refuse("process.nextTick")],
    // Effect keeps the function itself from its loading, so its property is replaced
    [process.hrtime, "bigint", refuse("process.hrtime")]
  ]
}

/** Replaces a property, and answers how to put it back. */
const replace = (owner: object, name: string, value: unknown): (() => void) => {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  Object.defineProperty(owner, name, { value, configurable: true, writable: true, enumerable: own?.enumerable ?? true })
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name)
    else Object.defineProperty(owner, name, own)
  }
}
