/**
 * How the tests run: each file in a process of its own, files and tests in a shuffled order whose seed is printed, no retries.
 *
 * A test that needs another to run first, or a second attempt, fails here and not one day later. `troupe` itself is resolved to its
 * sources, as in the examples. To repeat an order: `npm test -- --sequence.seed=N`.
 */
import { defineConfig } from "vitest/config"

export default defineConfig({
  resolve: { conditions: ["troupe-source"] },
  ssr: { resolve: { conditions: ["troupe-source"] } },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    pool: "forks",
    testTimeout: 20_000,
    hookTimeout: 20_000,
    retry: 0,
    sequence: { shuffle: { files: true, tests: true } }
  }
})
