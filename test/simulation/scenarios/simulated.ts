/**
 * The scenarios as a test file, for the commands that run the simulated tests of one (`npm run simulate`, `npm run chaos`).
 */
import { scenarios } from "./index.ts"

const collect: unknown = Reflect.get(globalThis, Symbol.for("troupe/testing/simulations"))
if (typeof collect !== "function") throw new Error("this file is for npm run simulate")
for (const scenario of Object.values(scenarios)) collect(scenario)
