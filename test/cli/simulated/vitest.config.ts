/**
 * Runs the shop in Vitest, for the test that does so from outside (test/cli/SimulateVitest.test.ts).
 */
import { defineConfig } from "vitest/config"

export default defineConfig({
  root: import.meta.dirname,
  resolve: { conditions: ["troupe-source"] },
  test: { include: ["Shop.ts"], pool: "forks" }
})
