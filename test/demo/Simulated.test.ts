/**
 * The main job in a world: the same program, proven in the same way, and one execution for each seed, in whichever process.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Result } from "../../demo/claims.ts"

const root = resolve(import.meta.dirname, "..", "..")

/** Runs a world in a process of its own, of the sources in that folder; answers what it told, and its events. */
const world = (seed: number, limit: number, sources = root) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "troupe-world-"))),
    (folder) =>
      Effect.callback<{ readonly result: Result; readonly events: string }, Error>((resume) => {
        const file = join(folder, "trace")
        const args = ["--simulated", "--seed", String(seed), "--limit", String(limit), "--trace", file, "--json"]
        execFile(process.execPath, ["demo/main.ts", ...args], { cwd: sources }, (error, out, problems) => {
          if (error !== null) return resume(Effect.fail(new Error(problems)))
          const result = JSON.parse(out) as Result
          resume(Effect.succeed({ result, events: readFileSync(file, "utf8") }))
        })
      }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

/** A copy of the sources in which one text stands for another, as long as the scope. */
const changed = (file: string, from: string, to: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "troupe-changed-"))
      for (const name of ["src", "demo", "package.json"]) cpSync(join(root, name), join(folder, name), { recursive: true })
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir")
      const text = readFileSync(join(folder, file), "utf8")
      assert.strictEqual(text.split(from).length, 2, `${file} holds "${from}" once`)
      writeFileSync(join(folder, file), text.replace(from, to))
      return folder
    }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

describe("npm run demo -- --simulated", () => {
  it.live(
    "proves what the real processes prove, and is the same execution in another process",
    () =>
      Effect.gen(function* () {
        const [first, again] = [yield* world(7, 400), yield* world(7, 400)]
        assert.strictEqual(again.events, first.events)
        assert.deepStrictEqual(again.result, first.result)
        const { events, result } = first
        assert.strictEqual(createHash("sha256").update(events).digest("hex"), result.trace)
        assert.isAtLeast(events.split("\n").length, 1_000)
        assert.isTrue(result.converged)
        assert.deepStrictEqual(result.pids, { alice: [1], bob: [1, 2] })
        assert.deepStrictEqual([result.model, result.audit], [result.peers[0]?.stateHash, result.peers[1]?.stateHash])
        assert.isAtLeast(result.partitionSeconds, 10)
        assert.deepStrictEqual(result.cutEdits, { alice: 120, bob: 120 })
        assert.isTrue(0 < result.killedAt && result.killedAt < result.objects)
      }),
    120_000
  )

  it.live(
    "is another execution for another seed, and for another limit",
    () =>
      Effect.gen(function* () {
        const traces = yield* Effect.forEach(
          [
            [7, 400],
            [8, 400],
            [7, 410]
          ] as const,
          ([seed, limit]) => Effect.map(world(seed, limit), ({ result }) => result.trace)
        )
        assert.strictEqual(new Set(traces).size, 3)
      }),
    120_000
  )

  it.live(
    "is another execution when the writer's flush limit is halved: the import reaches it",
    () =>
      Effect.gen(function* () {
        const halved = yield* changed("src/layers/echo/FeedWriter.ts", "flushBytesMax = 262_144", "flushBytesMax = 131_072")
        const [as, other] = [yield* world(7, 2_000), yield* world(7, 2_000, halved)]
        assert.notStrictEqual(other.events, as.events)
        assert.deepStrictEqual([other.result.converged, other.result.peers.length], [true, 2])
        assert.strictEqual(other.result.model, other.result.peers[0]?.stateHash)
      }).pipe(Effect.scoped),
    120_000
  )
})
