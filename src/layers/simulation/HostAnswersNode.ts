/**
 * What Node's clocks, randomness and timers answer in a world that does not refuse them: the life whose task is running.
 *
 * A timer belongs to the life that set it: it dies with its crash, waits while it is frozen, and goes by its clock. Microtasks run in
 * their order, right after the task that made them; a native promise is still out of reach, since the loop never gives way to the host.
 */
import type { Machine } from "../../services/simulation/Host.ts"

/** Something of the host, and what stands in its place while a world runs. */
export type Trap = readonly [owner: object, name: string, value: unknown, isGetter?: boolean]

/** The same for an object of a class, and for who takes it from the class. */
export const withClass = (owner: object, name: string, value: unknown): ReadonlyArray<Trap> => [
  [owner, name, value],
  [Object.getPrototypeOf(owner), name, value]
]

/** `File` with another now. */
export const fileOf = (now: () => number): typeof File =>
  new Proxy(File, {
    construct: (target, [bits, name, options]: ConstructorParameters<typeof File>) =>
      new target(bits, name, { ...options, lastModified: options?.lastModified ?? now() })
  })

type Run = (...args: ReadonlyArray<unknown>) => void

/** The longest delay that Node's timers know; more is taken for 1 ms, as less is. */
const delayMax = 2 ** 31 - 1

export const answers = (machine: () => Machine): ReadonlyArray<Trap> => {
  const hrtime = Object.assign(
    (since: readonly [number, number] = [0, 0]): [number, number] => {
      const nanos = machine().monotonicMicros() * 1_000 - (since[0] * 1e9 + since[1])
      return [Math.floor(nanos / 1e9), nanos - Math.floor(nanos / 1e9) * 1e9]
    },
    { bigint: () => BigInt(machine().monotonicMicros()) * 1_000n }
  )
  const wallMillis = () => Math.floor(machine().wallMicros() / 1_000)
  const soon = (run: Run, ...args: ReadonlyArray<unknown>) => machine().soon(() => run(...args))
  const now = () => machine().monotonicMicros() / 1_000
  const { mark } = performance
  const date = dateOf(Date, wallMillis)
  return [
    [globalThis, "Date", date],
    [Date, "now", wallMillis],
    [Date.prototype, "constructor", date],
    [globalThis, "File", fileOf(wallMillis)],
    [Event.prototype, "timeStamp", timeStamps(now), true],
    ...withClass(performance, "now", now),
    ...withClass(performance, "mark", (name: string, options: PerformanceMarkOptions = {}) =>
      mark.call(performance, name, { startTime: now(), ...options })
    ),
    // Effect keeps the function itself from its loading, so its property is replaced as well
    [process.hrtime, "bigint", hrtime.bigint],
    [process, "hrtime", hrtime],
    [process, "uptime", () => machine().monotonicMicros() / 1e6],
    [AbortSignal, "timeout", (millis: number) => aborting(machine(), millis)],
    ...withClass(globalThis.crypto, "getRandomValues", (into: ArrayBufferView) => filled(into, machine())),
    ...withClass(globalThis.crypto, "randomUUID", () => uuid(machine().bytes(16))),
    [globalThis, "queueMicrotask", (run: Run) => soon(run)],
    [process, "nextTick", soon],
    ...timers(machine)
  ]
}

/** `Date` with another now. */
const dateOf = (real: DateConstructor, now: () => number): DateConstructor => {
  const virtual: DateConstructor = new Proxy(real, {
    construct: (target, args, newTarget): object =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget === virtual ? target : newTarget),
    apply: () => new real(now()).toString()
  })
  return virtual
}

/** When an event was looked at first: the host alone knows when it was made. */
const timeStamps = (now: () => number) => {
  const seen = new WeakMap<Event, number>()
  return function (this: Event): number {
    const at = seen.get(this) ?? now()
    seen.set(this, at)
    return at
  }
}

const aborting = (machine: Machine, millis: number): AbortSignal => {
  const controller = new AbortController()
  const reason = new DOMException("The operation was aborted due to timeout", "TimeoutError")
  machine.after(millis, () => controller.abort(reason))
  return controller.signal
}

const filled = <View extends ArrayBufferView>(into: View, machine: Machine): View => {
  new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(machine.bytes(into.byteLength))
  return into
}

/** RFC 9562, version 4. */
const uuid = (bytes: Uint8Array): string => {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return Buffer.from(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
}

/** A timer as Node's are: it can be refreshed, and stands for its number. */
class HostTimer {
  readonly id: number
  private readonly start: (fire: () => void) => () => void
  private readonly onEnd: () => void
  private readonly fire: () => void
  private stop: (() => void) | null = null

  constructor(id: number, start: HostTimer["start"], fire: (timer: HostTimer) => void, onEnd: () => void) {
    this.id = id
    this.start = start
    this.onEnd = onEnd
    this.fire = () => fire(this)
    this.refresh()
  }

  refresh(): this {
    this.stop?.()
    this.stop = this.start(this.fire)
    return this
  }

  close(): this {
    this.stop?.()
    this.onEnd()
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  [Symbol.toPrimitive](): number {
    return this.id
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

const timers = (machine: () => Machine): ReadonlyArray<Trap> => {
  const pending = new Map<number, HostTimer>()
  let count = 0
  const set = (millis: number, repeats: boolean, run: () => void): HostTimer => {
    // whose it is stays so, whoever is running when it is set again
    const own = machine()
    const id = ++count
    const fire = (timer: HostTimer) => {
      if (repeats) timer.refresh()
      else pending.delete(id)
      run()
    }
    const timer = new HostTimer(
      id,
      (due) => own.after(millis, due),
      fire,
      () => pending.delete(id)
    )
    pending.set(id, timer)
    return timer
  }
  const delay = (millis: unknown): number => (Number(millis) >= 1 && Number(millis) <= delayMax ? Math.trunc(Number(millis)) : 1)
  const clear = (timer: unknown): void => {
    if (timer instanceof HostTimer) timer.close()
    else if (typeof timer === "number" || typeof timer === "string") pending.get(Number(timer))?.close()
  }
  const setter =
    (repeats: boolean) =>
    (run: Run, millis?: unknown, ...args: ReadonlyArray<unknown>): HostTimer =>
      set(delay(millis), repeats, () => run(...args))
  return [
    [globalThis, "setTimeout", setter(false)],
    [globalThis, "setInterval", setter(true)],
    [globalThis, "setImmediate", (run: Run, ...args: ReadonlyArray<unknown>) => set(0, false, () => run(...args))],
    ...["clearTimeout", "clearInterval", "clearImmediate"].map((name): Trap => [globalThis, name, clear])
  ]
}
