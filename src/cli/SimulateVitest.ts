/**
 * Stands in for what a test file takes from Vitest, while its simulated tests are collected without it: `describe` runs its body, ordinary
 * tests and hooks are left out. Whatever else there is, `expect` and `assert` above all, stays Vitest's own.
 */

type Body = (...args: ReadonlyArray<unknown>) => unknown

const isBody = (value: unknown): value is Body => typeof value === "function"

/** A function whose properties are looked up by name; what is set on it stays there. */
const callable = (call: Body, property: (key: string) => unknown): Body =>
  new Proxy((...args: ReadonlyArray<unknown>) => call(...args), {
    get: (target, key) => {
      if (Reflect.has(target, key)) return Reflect.get(target, key)
      // whoever awaits it, or makes text of it, must not find a test
      return typeof key === "symbol" || key === "then" ? undefined : property(key)
    }
  })

/** A test that is not run, however it is written: `it.each(…)(…)`, `it.skipIf(…).concurrent(…)`. */
const leftOut: Body = callable(
  () => leftOut,
  () => leftOut
)

/** Bodies of suites that are promises. */
const pending: Array<Promise<unknown>> = []

/** Ends when all suites have told their tests. */
export const suitesEnd = async (): Promise<void> => {
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) await next
}

const runs = (args: ReadonlyArray<unknown>, given: ReadonlyArray<unknown> = []): void => {
  // the name may be a function, too
  const ended = args.slice(1).find(isBody)?.(...given)
  if (ended instanceof Promise) pending.push(ended)
}

const forEach =
  (isSpread: boolean): Body =>
  (cases) =>
  (...args: ReadonlyArray<unknown>) => {
    if (!Array.isArray(cases)) return
    for (const each of cases) runs(args, isSpread && Array.isArray(each) ? each : [each])
  }

const variants: { readonly [name: string]: Body } = {
  each: forEach(true),
  for: forEach(false),
  skipIf: (isSkipped) => (isSkipped ? leftOut : describe),
  runIf: (isRun) => (isRun ? describe : leftOut),
  skip: leftOut,
  todo: leftOut
}

export const describe: Body = callable(
  (...args) => runs(args),
  (key) => (Object.hasOwn(variants, key) ? variants[key] : describe)
)

const nothing = (): void => {}

export {
  describe as suite,
  leftOut as it,
  leftOut as test,
  nothing as afterAll,
  nothing as afterEach,
  nothing as aroundAll,
  nothing as aroundEach,
  nothing as beforeAll,
  nothing as beforeEach
}
/** @effect/vitest asks it which tests a layer is for. */
export const TestRunner = { getCurrentSuite: () => ({ tasks: [] }) }
