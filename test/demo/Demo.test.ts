/** The main job, small and whole: real processes, a real kill, a real cut, and every field of what it answers. */

import { execFileSync, spawn } from "node:child_process"
import { resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Result } from "../../demo/claims.ts"

const root = resolve(import.meta.dirname, "..", "..")

interface Ended {
  readonly pid: number
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the demo to its end as the leader of a group of processes, or stops it as soon as Bob holds something. */
const demo = (args: ReadonlyArray<string>, stop?: (group: number) => void) =>
  Effect.callback<Ended>((resume) => {
    const child = spawn(process.execPath, ["demo/main.ts", ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true
    })
    const pid = child.pid!
    let out = ""
    let err = ""
    let stopping = stop
    child.stdout.on("data", (bytes) => (out += bytes))
    child.stderr.on("data", (bytes) => {
      err += bytes
      if (!/bob [1-9]/.test(err)) return
      stopping?.(pid)
      stopping = undefined
    })
    child.on("close", (code) => resume(Effect.succeed({ pid, code, out, err })))
    return Effect.sync(() => process.kill(-pid, "SIGKILL"))
  })

/** Kills the KUBE of a group of processes. */
const killKube = (group: number): void => {
  const list = execFileSync("ps", ["-A", "-o", "pid=,pgid=,args="], { encoding: "utf8" })
  const line = list.split("\n").find((each) => each.includes("demo/kube.ts") && each.trim().split(/\s+/)[1] === String(group))
  process.kill(Number(line!.trim().split(/\s+/)[0]), "SIGKILL")
}

const hex64 = /^[0-9a-f]{64}$/

describe("npm run demo", () => {
  it.live(
    "brings 300 cities through a kill and a cut, and proves it",
    () =>
      Effect.gen(function* () {
        const { code, err, out } = yield* demo(["--limit", "300", "--json"])
        assert.strictEqual(code, 0, err)
        const lines = out.trimEnd().split("\n")
        assert.strictEqual(lines.length, 1)
        const result = JSON.parse(lines[0]!) as Result
        const [alice, bob] = result.peers
        assert.isTrue(result.converged)
        assert.deepStrictEqual([alice?.name, bob?.name], ["alice", "bob"])
        assert.deepStrictEqual({ ...alice, name: "" }, { ...bob, name: "" })
        assert.isAtLeast(result.objects, 300)
        assert.strictEqual(alice?.objects, result.objects)
        assert.match(alice?.stateHash ?? "", hex64)
        assert.match(alice?.frontier ?? "", hex64)
        assert.deepStrictEqual([result.model, result.audit], [alice?.stateHash, alice?.stateHash])
        assert.isAbove(result.changes, 240)
        assert.isAtLeast(result.conflicts, 100)
        assert.isAbove(result.killedAt, 0)
        assert.isBelow(result.killedAt, result.objects)
        assert.deepStrictEqual([result.pids.alice.length, result.pids.bob.length], [1, 2])
        assert.strictEqual(new Set([...result.pids.alice, ...result.pids.bob]).size, 3)
        assert.isAtLeast(Math.min(result.cutEdits.alice, result.cutEdits.bob), 100)
        assert.isAtLeast(result.inFlight, 0)
        assert.isAtLeast(result.partitionSeconds, 10)
        assert.isAbove(result.bytesOnWire, 10_000)
        assert.isAbove(result.seconds, 10)
        assert.match(err, /every claim holds/)
      }),
    120_000
  )

  it.live.each([
    { name: "Ctrl-C", stop: (group: number) => process.kill(-group, "SIGINT"), code: 130, says: /bob's link|alice imports/ },
    { name: "the end of one of them", stop: killKube, code: 1, says: /FAILED: the KUBE ended unasked \(signal SIGKILL\)/ }
  ])(
    "leaves no process behind after $name",
    ({ code, says, stop }) =>
      Effect.gen(function* () {
        const ended = yield* demo(["--limit", "300", "--json"], stop)
        assert.deepStrictEqual([ended.code, ended.out], [code, ""])
        assert.match(ended.err, says)
        // the run was the leader of its own group of processes, of which nobody is left
        assert.throws(() => process.kill(-ended.pid, 0), /ESRCH/)
      }),
    60_000
  )

  it.live.each([
    { args: ["--limit", "99"], says: /--limit takes a number from 100 to 171075, and not "99"/ },
    { args: ["--limit", "many"], says: /--limit takes a number/ },
    { args: ["--seed", "7"], says: /add --simulated/ },
    { args: ["--simulated", "--seed", "x"], says: /--seed takes a whole number from 0 on, and not "x"/ },
    { args: ["--simulated", "--keep", "kept"], says: /a world keeps no folders/ },
    { args: ["--keep", "src"], says: /src is not empty/ },
    { args: ["--lmit", "300"], says: /Unknown option '--lmit'/ }
  ])("called wrongly ($args) says how to call it, and ends with 2", ({ args, says }) =>
    Effect.gen(function* () {
      const { code, err, out } = yield* demo(args)
      assert.deepStrictEqual([code, out], [2, ""])
      assert.match(err, says)
      assert.match(err, /npm run demo -- \[--limit N\]/)
    })
  )
})
