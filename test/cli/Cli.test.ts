/** The command line as people meet it: each test spawns it for real and reads what it wrote and how it ended. */

import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { type AddressInfo, createServer, type Server } from "node:net"
import { resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

const root = resolve(import.meta.dirname, "..", "..")
const bin = resolve(root, "src/cli/main.ts")

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the command line to its end; with `stopAt` it gets Ctrl-C once standard output matches. */
const troupe = (args: ReadonlyArray<string>, stopAt?: RegExp, node: ReadonlyArray<string> = []): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const child = spawn(process.execPath, [...node, bin, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
    let out = ""
    let err = ""
    child.stdout.on("data", (bytes) => {
      out += bytes
      if (stopAt?.test(out) === true) child.kill("SIGINT")
    })
    child.stderr.on("data", (bytes) => (err += bytes))
    child.on("close", (code) => resume(Effect.succeed({ code, out, err })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("troupe", () => {
  it.live("tells its version", () =>
    Effect.gen(function* () {
      const { version } = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8")) as { readonly version: string }
      assert.deepStrictEqual(yield* troupe(["--version"]), { code: 0, out: `${version}\n`, err: "" })
    })
  )

  it.live("tells how it is called, on standard output when asked", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* troupe(["--help"])
      assert.deepStrictEqual([code, err], [0, ""])
      assert.match(out, /kube/)
    })
  )

  it.live.each([
    { args: [], says: /troupe <subcommand>/ },
    { args: ["kbue"], says: /Unknown subcommand "kbue".*Did you mean this\? kube/ },
    { args: ["--nope"], says: /Unrecognized flag: --nope/ },
    {
      args: ["kube", "--prot", "1"],
      says: /--prot.*Did you mean this\? --port[\s\S]*Type: troupe kube \[--host \S+\] \[--port \S+\] \[--proxied\] \[--json\]/
    },
    { args: ["kube", "--port", "99999"], says: /a port from 0 .* to 65535, not 99999/ },
    { args: ["kube", "--port", "many"], says: /Invalid value for flag --port: "many"/ },
    { args: ["kube", "--host"], says: /--host/ },
    { args: ["kube", "here"], says: /Unexpected positional argument: "here"/ }
  ])("called wrongly ($args) says what to type instead, and ends with 2", ({ args, says }) =>
    Effect.gen(function* () {
      const { code, err, out } = yield* troupe(args)
      assert.deepStrictEqual([code, out], [2, ""])
      assert.match(err, says)
      if (args.length > 0) assert.match(err, /Type: troupe/)
    })
  )

  it.live("on an older Node says which one it needs, before it loads anything", () =>
    Effect.gen(function* () {
      const older = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.11.1"}})`
      const { code, err, out } = yield* troupe(["--version"], undefined, ["--import", older])
      assert.deepStrictEqual([code, out], [1, ""])
      assert.match(err, /^troupe needs Node 22\.19 or later, and this is Node 20\.11\.1\. Update Node, .*\n$/)
    })
  )
})

describe("troupe kube", () => {
  it.live("prints where it is and stops at Ctrl-C", () =>
    Effect.gen(function* () {
      const { code, err, out } = yield* troupe(["kube", "--port", "0"], /\n/)
      assert.deepStrictEqual([code, err], [0, ""])
      assert.match(out, /^KUBE at (ws|http):\/\/127\.0\.0\.1:\d+/)
    })
  )

  it.live("with --json prints one object", () =>
    Effect.gen(function* () {
      const { out } = yield* troupe(["kube", "--port", "0", "--json"], /\n/)
      assert.match((JSON.parse(out) as { readonly url: string }).url, /^(ws|http):\/\/127\.0\.0\.1:\d+/)
    })
  )

  it.live("says in a sentence that its port is taken", () =>
    Effect.gen(function* () {
      const holder = yield* Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const server = createServer()
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const { port: taken } = holder.address() as AddressInfo
      const { code, err, out } = yield* troupe(["kube", "--port", String(taken)])
      assert.deepStrictEqual([code, out], [1, ""])
      assert.match(err, new RegExp(`${taken}.*(use|taken).*\\n$`))
      assert.strictEqual(err.trim().split("\n").length, 1)
    })
  )
})
