/**
 * Guards Node while a world runs: its clocks, its randomness, its timers and its network throw, with the stack of who asked, or all but
 * the network answer from the world.
 *
 * The loop of a world is synchronous, so they are swapped on entry and put back on exit, and nobody else sees it. What a module took from
 * Node before (`node:timers`, say) is out of reach. One thing is let through: Effect numbers functions and other things without a content of their own by `Math.random`, for its hash maps; there it gets
 * a constant, which leaves them in the order in which they came.
 */
import type { Guard, Machine, Violation } from "../../services/simulation/Host.ts"
import { answers, fileOf, type Trap, withClass } from "./HostAnswersNode.ts"

/** What a world has no answer to. */
const refusedGlobals = ["fetch", "WebSocket"] as const
const refusedCiphers = Object.getOwnPropertyNames(Object.getPrototypeOf(globalThis.crypto.subtle)).filter(
  (name) => name !== "constructor"
)
const refusedTimers = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"] as const

/** The line of a stack that says who called what throws: the third, after the message and the trap. */
const callerOf = (stack: string): string => stack.split("\n")[2] ?? ""
const isIdentityHash = (stack: string): boolean => /\bHash\.(?:js|ts)/.test(callerOf(stack))

/** What a program prints is printed when its world has ended, since a stream of Node asks for turns of the host. */
const printing = ["log", "info", "warn", "error", "debug", "dir", "table", "trace"] as const
/** Lines that are kept of one world. */
const printsMax = 10_000

let isGuarding = false

export const guard: Guard = {
  during: (body, record, machine, isPrinting) => {
    // a world in a world is guarded by the outer one
    if (isGuarding) return body()
    isGuarding = true
    const restore: Array<() => void> = []
    const prints: Array<() => void> = []
    const printAll = () => {
      if (isPrinting) for (const print of prints.splice(0)) print()
    }
    // who ends the process from within a world is heard all the same
    const onExit = () => {
      for (const undo of restore.splice(0).reverse()) undo()
      printAll()
    }
    process.once("exit", onExit)
    try {
      for (const name of printing)
        restore.push(replace(console, name, (...said: ReadonlyArray<unknown>) => keep(prints, name, said)))
      for (const trap of trapsOf(record, machine)) restore.push(replace(...trap))
      return body()
    } finally {
      for (const undo of restore.reverse()) undo()
      isGuarding = false
      process.removeListener("exit", onExit)
      printAll()
    }
  }
}

const keep = (prints: Array<() => void>, name: (typeof printing)[number], said: ReadonlyArray<unknown>): void => {
  if (prints.length < printsMax) prints.push(() => console[name](...said))
  else if (prints.length === printsMax) prints.push(() => console.warn(`… a world prints ${printsMax} times at most`))
}

const trapsOf = (record: (violation: Violation) => void, machine: (() => Machine) | null): ReadonlyArray<Trap> => {
  const refuse = (what: string, isAnswerable = true) => {
    // no arrow, since a WebSocket is called with new
    function trap(): never {
      const error = new Error(`${what} was called inside a simulated world`)
      record({ what, stack: error.stack ?? "", isAnswerable })
      throw error
    }
    return trap
  }
  const random = (): number => {
    if (isIdentityHash(new Error().stack ?? "")) return 0.5
    return machine === null ? refuse("Math.random")() : machine().fraction()
  }
  const always: ReadonlyArray<Trap> = [
    [Math, "random", random],
    ...refusedGlobals.map((name): Trap => [globalThis, name, refuse(name, false)]),
    ...withClass(performance, "measure", refuse("performance.measure", false)),
    [URL, "createObjectURL", refuse("URL.createObjectURL", false)],
    ...refusedCiphers.map((name): Trap => [globalThis.crypto.subtle, name, refuse("crypto.subtle", false)])
  ]
  return [...always, ...(machine === null ? refusals(refuse) : answers(machine))]
}

const refusals = (refuse: (what: string) => () => never): ReadonlyArray<Trap> => {
  const clockless: DateConstructor = new Proxy(Date, {
    construct: (target, args, newTarget): object =>
      args.length === 0 ? refuse("new Date()")() : Reflect.construct(target, args, newTarget === clockless ? target : newTarget),
    apply: () => refuse("Date()")()
  })
  return [
    [Date, "now", refuse("Date.now")],
    [globalThis, "Date", clockless],
    [Date.prototype, "constructor", clockless],
    [globalThis, "File", fileOf(refuse("new File()"))],
    [Event.prototype, "timeStamp", refuse("event.timeStamp"), true],
    ...refusedTimers.map((name): Trap => [globalThis, name, refuse(name)]),
    ...withClass(performance, "now", refuse("performance.now")),
    ...withClass(performance, "mark", refuse("performance.mark")),
    ...withClass(globalThis.crypto, "getRandomValues", refuse("crypto.getRandomValues")),
    ...withClass(globalThis.crypto, "randomUUID", refuse("crypto.randomUUID")),
    [process, "nextTick", refuse("process.nextTick")],
    [process, "uptime", refuse("process.uptime")],
    [AbortSignal, "timeout", refuse("AbortSignal.timeout")],
    // Effect keeps the function itself from its loading, so its property is replaced as well
    [process.hrtime, "bigint", refuse("process.hrtime")],
    [process, "hrtime", Object.assign(refuse("process.hrtime"), { bigint: refuse("process.hrtime") })]
  ]
}

/** Replaces a property, and answers how to put it back. */
const replace = (owner: object, name: string, value: unknown, isGetter = false): (() => void) => {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  const enumerable = own?.enumerable ?? true
  const trap = isGetter ? { get: value as () => unknown } : { value, writable: true }
  Object.defineProperty(owner, name, { ...trap, configurable: true, enumerable })
  return () => {
    if (own === undefined) Reflect.deleteProperty(owner, name)
    else Object.defineProperty(owner, name, own)
  }
}
