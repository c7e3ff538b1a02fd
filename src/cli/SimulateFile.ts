/**
 * Imports a test file without Vitest and collects its simulated tests.
 *
 * Whoever asks for `vitest` from then on, the file or a library of it, is given that module with the few names replaced that only work
 * in a run of Vitest.
 */
import { existsSync } from "node:fs"
import { registerHooks } from "node:module"
import { extname, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import type { Simulation } from "../services/simulation/Simulation.ts"
import { suitesEnd } from "./SimulateVitest.ts"

/** The file, a plan, or what was asked of them is none that can be run; the message says why. */
export class Refused extends Error {}

/** As `troupe/testing` has it (src/testing/Simulated.ts). */
const collector = Symbol.for("troupe/testing/simulations")

const standIn = new URL(`./SimulateVitest${extname(import.meta.url)}`, import.meta.url).href
const replaced = "describe, suite, it, test, beforeAll, beforeEach, afterAll, afterEach, aroundAll, aroundEach, TestRunner".split(
  ", "
)

const replaceVitest = (): void => {
  registerHooks({
    resolve: (specifier, context, next) => {
      const found = next(specifier, context)
      if (specifier !== "vitest") return found
      // names that are exported explicitly go before those of a star
      const source = `export * from ${JSON.stringify(found.url)}; export { ${replaced.join(", ")} } from ${JSON.stringify(standIn)}`
      return { url: `data:text/javascript,${encodeURIComponent(source)}`, format: "module", shortCircuit: true }
    }
  })
}

/** The simulated tests of a file, in its order. */
export const collect = async (file: string): Promise<ReadonlyArray<Simulation>> => {
  if (!existsSync(file)) throw new Refused(`There is no file ${file}.`)
  const found: Array<Simulation> = []
  Object.assign(globalThis, { [collector]: (simulation: Simulation) => found.push(simulation) })
  replaceVitest()
  try {
    await import(pathToFileURL(resolve(file)).href)
    await suitesEnd()
  } catch (error) {
    throw new Refused(`${file} cannot be loaded: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  if (found.length === 0) throw new Refused(`${file} has no simulated test: write it.simulated("…", { peers: 3 }, (world) => …).`)
  const names = found.map(({ name }) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice === undefined) return found
  throw new Refused(`${file} has two simulated tests "${twice}", and plans know them by name: give each its own.`)
}
