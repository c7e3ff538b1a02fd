/** Commands over a data folder, as processes: what they tell of it, and how its passphrase reaches them and nobody else. */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import { whole } from "../../src/cli/DataFolder.ts"
import * as PeerNode from "../../src/layers/peer/PeerNode.ts"

const bin = resolve(import.meta.dirname, "../../src/cli/main.ts")
/** Several processes one after another, each of which stretches a passphrase. */
const patient = { timeout: 120_000 }
const [old, fresh] = ["correct horse battery staple", "Tr0ub4dor&3 ä"]

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the command line with something on descriptors 3 and 4. */
const troupe = (args: ReadonlyArray<string>, ...given: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const child = spawn(process.execPath, [bin, ...args], {
      stdio: ["ignore", "pipe", "pipe", ...given.map(() => "pipe" as const)]
    })
    let out = ""
    let err = ""
    given.forEach((text, at) => {
      const pipe = child.stdio[3 + at] as NodeJS.WritableStream
      // who does not read it is nobody's fault
      pipe.on("error", () => {}).end(text)
    })
    child.stdout?.on("data", (bytes) => (out += bytes))
    child.stderr?.on("data", (bytes) => (err += bytes))
    child.on("close", (code) => resume(Effect.succeed({ code, out, err })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A folder of a device of Ann's, gone afterwards. */
const folderOf = (passphrase?: string) =>
  Effect.gen(function* () {
    const above = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "troupe-data-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const data = join(above, "data")
    const options = passphrase === undefined ? { folder: data } : { folder: data, passphrase: Redacted.make(passphrase) }
    const made = Effect.flatMap(PeerNode.open(options), ({ identities }) =>
      identities.create({ name: "Ann", device: "laptop", platform: "Linux" })
    )
    return { data, id: (yield* Effect.scoped(made)).identity.id }
  })

const list = (data: string, ...more: ReadonlyArray<string>) => ["identity", "list", "--data", data, ...more]
const passphrase = (data: string, ...more: ReadonlyArray<string>) => ["folder", "passphrase", "--data", data, ...more]

describe("troupe identity list", patient, () => {
  it.live("tells the identities and devices of a folder that is sealed by its file, and asks for nothing", () =>
    Effect.gen(function* () {
      const { data, id } = yield* folderOf()
      const { code, err, out } = yield* troupe(list(data))
      assert.deepStrictEqual([code, err], [0, ""])
      assert.match(
        out,
        new RegExp(`^${id}  Ann; its phrase was not typed here yet\n  \\S{43}  laptop, Linux; added .*; this device\n$`)
      )
      const last = JSON.parse((yield* troupe(list(data, "--json"))).out) as {
        readonly identities: ReadonlyArray<{ readonly id: string; readonly devices: ReadonlyArray<object> }>
      }
      assert.strictEqual(last.identities.length, 1)
      assert.strictEqual(last.identities[0]?.id, id)
      assert.deepInclude(last.identities[0]?.devices[0], { name: "laptop", platform: "Linux", isThis: true })
    })
  )

  it.live("opens a folder with the first line of a descriptor, and refuses any other passphrase without a hint", () =>
    Effect.gen(function* () {
      const { data, id } = yield* folderOf(old)
      const opened = yield* troupe(list(data, "--passphrase-fd", "3"), `${old}\r\nand a second line`)
      assert.deepStrictEqual([opened.code, opened.err], [0, ""])
      assert.include(opened.out, id)
      const said = new Set<string>()
      for (const wrong of [`${old.slice(0, -1)}\n`, "x\n"]) {
        const { code, err, out } = yield* troupe(list(data, "--passphrase-fd", "3"), wrong)
        assert.deepStrictEqual([code, out], [1, ""])
        said.add(err)
      }
      assert.deepStrictEqual(
        [...said].map((text) => /^PassphraseWrong: this passphrase does not open/.test(text)),
        [true]
      )
    })
  )

  it.live("without a terminal and without a descriptor says how to give the passphrase, and ends with 2", () =>
    Effect.gen(function* () {
      const { data } = yield* folderOf(old)
      const { code, err, out } = yield* troupe(list(data))
      assert.deepStrictEqual([code, out], [2, ""])
      assert.match(err, /no terminal to ask for the passphrase of .*--passphrase-fd 3 3<FILE\n$/)
    })
  )

  it.live.each([
    { given: "", code: 1, says: /descriptor 3 holds no passphrase\. Nothing was done/ },
    { given: "\nlater", code: 1, says: /descriptor 3 holds no passphrase/ },
    { given: `${"x".repeat(5_000)}\n`, code: 1, says: /line of file descriptor 3 is too long/ },
    { given: "x\n", flag: "9999", code: 2, says: /the number of a file descriptor/ },
    { given: "x\n", flag: "1", code: 2, says: /the number of a file descriptor/ },
    { given: "x\n", flag: "900", code: 2, says: /descriptor 900 is not open/ }
  ])("takes no passphrase that is none ($says)", ({ code, flag = "3", given, says }) =>
    Effect.gen(function* () {
      const { data } = yield* folderOf()
      const ended = yield* troupe(list(data, "--passphrase-fd", flag), given)
      assert.deepStrictEqual([ended.code, ended.out], [code, ""])
      assert.match(ended.err, says)
    })
  )

  it.effect("that is interrupted before it has told anything ends with 1", () =>
    Effect.gen(function* () {
      const before = process.exitCode
      const fiber = yield* Effect.forkChild(whole(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      const after = process.exitCode
      process.exitCode = before
      assert.strictEqual(after, 1)
    })
  )

  it.live("makes nothing of a folder that is none", () =>
    Effect.gen(function* () {
      const { data } = yield* folderOf()
      const missing = yield* troupe(list(join(data, "nope")))
      assert.deepStrictEqual([missing.code, missing.out, existsSync(join(data, "nope"))], [2, "", false])
      const above = yield* troupe(list(join(data, "..")))
      assert.strictEqual(above.code, 1)
      assert.match(above.err, /^KeyFileMissing: .*choose another folder/)
      assert.deepStrictEqual(readdirSync(join(data, "..")).sort(), ["data", "data.starts"])
    })
  )
})

describe("troupe folder passphrase", patient, () => {
  it.live("sets a passphrase, and gives it up", () =>
    Effect.gen(function* () {
      const { data, id } = yield* folderOf()
      const set = yield* troupe(passphrase(data, "--new-passphrase-fd", "3", "--json"), `${old}\n`)
      assert.deepStrictEqual([set.code, set.out, set.err], [0, '{"sealed":"passphrase"}\n', ""])
      assert.strictEqual((yield* troupe(list(data))).code, 2)
      const given = yield* troupe(passphrase(data, "--none", "--passphrase-fd", "3", "--json"), `${old}\n`)
      assert.deepStrictEqual([given.code, given.out], [0, '{"sealed":"file"}\n'])
      assert.include((yield* troupe(list(data))).out, id)
    })
  )

  it.live("changes a passphrase for whoever knows it", () =>
    Effect.gen(function* () {
      const { data, id } = yield* folderOf(old)
      const both = ["--passphrase-fd", "3", "--new-passphrase-fd", "4"]
      const wrong = yield* troupe(passphrase(data, ...both), "no\n", `${fresh}\n`)
      assert.deepStrictEqual([wrong.code, wrong.out], [1, ""])
      assert.match(wrong.err, /^PassphraseWrong/)
      const changed = yield* troupe(passphrase(data, ...both), `${old}\n`, `${fresh}\n`)
      assert.strictEqual(changed.code, 0)
      assert.match(changed.out, /is sealed by its new passphrase.*An old copy of the folder still opens with the old one/)
      assert.strictEqual((yield* troupe(list(data, "--passphrase-fd", "3"), `${old}\n`)).code, 1)
      assert.include((yield* troupe(list(data, "--passphrase-fd", "3"), `${fresh}\n`)).out, id)
    })
  )

  it.live("refuses flags that say two things", () =>
    Effect.gen(function* () {
      const { data } = yield* folderOf()
      const two = yield* troupe(passphrase(data, "--none", "--new-passphrase-fd", "3"), "x\n")
      assert.deepStrictEqual([two.code, two.out], [2, ""])
      const one = yield* troupe(passphrase(data, "--passphrase-fd", "3", "--new-passphrase-fd", "3"), "x\n")
      assert.deepStrictEqual([one.code, one.out], [2, ""])
      assert.match(one.err, /need a file descriptor each/)
    })
  )
})

/** util-linux's `script`, which runs a command on a terminal of its own. */
const onPty = "script"
const hasTerminal = /util-linux/.test(spawnSync(onPty, ["--version"], { encoding: "utf8" }).stdout ?? "")

/** Runs the command line on a terminal, and types each answer when its question is there. */
const onTerminal = (args: ReadonlyArray<string>, answers: ReadonlyArray<readonly [question: RegExp, keys: string]>) =>
  Effect.callback<{ readonly code: number | null; readonly shown: string }>((resume) => {
    const line = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(" ")
    const child = spawn(onPty, ["-qec", line, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] })
    let [shown, asked, at] = ["", "", 0]
    child.stdout.on("data", (bytes) => {
      shown += bytes
      asked += bytes
      const [question, keys] = answers[at] ?? []
      if (question?.test(asked) !== true) return
      at++
      asked = ""
      child.stdin.write(keys ?? "")
    })
    child.on("close", (code) => resume(Effect.succeed({ code, shown })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe.skipIf(!hasTerminal)("a passphrase on a terminal", patient, () => {
  it.live("is asked for, and not shown", () =>
    Effect.gen(function* () {
      const { data, id } = yield* folderOf(old)
      const right = yield* onTerminal(list(data), [[/the passphrase of/, `${old}\r`]])
      assert.strictEqual(right.code, 0)
      assert.include(right.shown, id)
      assert.notInclude(right.shown, "horse")
      const wrong = yield* onTerminal(list(data), [[/the passphrase of/, "xyzzy\r"]])
      assert.strictEqual(wrong.code, 1)
      assert.match(wrong.shown, /PassphraseWrong/)
      assert.notInclude(wrong.shown, "xyzzy")
      const none = yield* onTerminal(list(data), [[/the passphrase of/, "\u0003"]])
      assert.strictEqual(none.code, 1)
      assert.match(none.shown, /No passphrase was given\. Nothing was done/)
    })
  )

  it.live("that is new is asked for twice", () =>
    Effect.gen(function* () {
      const { data, id } = yield* folderOf()
      const slip = yield* onTerminal(passphrase(data), [
        [/the new passphrase of/, "plugh\r"],
        [/once more/, "plugj\r"]
      ])
      assert.strictEqual(slip.code, 1)
      assert.match(slip.shown, /The two are not the same\. Try again\. Nothing was done/)
      assert.strictEqual((yield* troupe(list(data))).code, 0)
      const set = yield* onTerminal(passphrase(data), [
        [/the new passphrase of/, "plugh\r"],
        [/once more/, "plugh\r"]
      ])
      assert.strictEqual(set.code, 0)
      assert.notInclude(set.shown, "plugh")
      assert.include((yield* troupe(list(data, "--passphrase-fd", "3"), "plugh\n")).out, id)
    })
  )
})
