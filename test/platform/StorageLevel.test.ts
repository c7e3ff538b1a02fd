/**
 * The LevelDB folder when it cannot be opened or written: locked, denied, newer, damaged, full; each says what to do next.
 */

import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Spawner from "effect/process/ChildProcessSpawner"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { storageVersionKey } from "../../src/schema/platform/StorageKeys.ts"
import { Storage } from "../../src/services/platform/Storage.ts"

const opener = fileURLToPath(new URL("./StorageOpener.ts", import.meta.url))
const freshFolder = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped({ prefix: "troupe-level-" }))
const open = (folder: string) => Effect.scoped(StorageLevel.make({ folder }))
const refusal = (folder: string) => Effect.flip(open(folder))
const k = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)

const test = (
  title: string,
  check: (folder: string) => Effect.Effect<void, unknown, Scope.Scope | Spawner.ChildProcessSpawner>
) => it.effect(title, () => Effect.flatMap(freshFolder, check).pipe(Effect.provide(NodeServices.layer)), 60_000)

describe("StorageLevel: opening", () => {
  test("makes the folder and the database for their owner alone", (parent) =>
    Effect.gen(function* () {
      const folder = path.join(parent, "a", "b")
      yield* open(folder)
      for (const made of [folder, path.join(folder, "storage")]) assert.strictEqual(fs.statSync(made).mode & 0o777, 0o700, made)
    }))

  test("locked by another process: says which, until that one has ended", (folder) =>
    Effect.gen(function* () {
      const spawner = yield* Spawner.ChildProcessSpawner
      const child = yield* spawner.spawn(ChildProcess.make(process.execPath, [opener, folder, "hold"]))
      yield* Stream.runHead(child.stdout)
      const error = yield* refusal(folder)
      assert.strictEqual(error._tag, "StorageLocked")
      assert.strictEqual(error.message, `${folder} is open in process ${child.pid}. Close it, or choose another folder.`)
      yield* child.kill({ killSignal: "SIGKILL" })
      assert.isTrue(fs.existsSync(path.join(folder, "pid")), "a killed process leaves its file")
      yield* open(folder)
      assert.isFalse(fs.existsSync(path.join(folder, "pid")))
    }))

  test("locked by this process: says so, and keeps the lock against others", (folder) =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      yield* Scope.provide(StorageLevel.make({ folder }), scope)
      for (let attempt = 0; attempt < 2; attempt++) {
        const error = yield* refusal(folder)
        assert.strictEqual(error._tag, "StorageLocked")
        assert.include(error.message, `is open in process ${process.pid}.`)
      }
      const { tag, message } = ask(folder, "once")
      assert.strictEqual(tag, "StorageLocked")
      assert.include(message, `is open in process ${process.pid}.`)
    }))

  test("locked, and nobody knows by whom: says that", (folder) =>
    Effect.gen(function* () {
      yield* StorageLevel.make({ folder })
      for (const pid of ["", "no number\n", "4194305\n"]) {
        fs.writeFileSync(path.join(folder, "pid"), pid)
        assert.include(ask(folder, "once").message, "is open in another process. Close it")
      }
    }))

  test("denied: says whose rights to change", (folder) =>
    Effect.gen(function* () {
      yield* open(folder)
      // the superuser may do everything, so it asks as nobody; others forbid it to themselves
      const isRoot = process.getuid?.() === 0
      if (isRoot) fs.chownSync(folder, 0, 0)
      else fs.chmodSync(path.join(folder, "storage"), 0o500)
      const { tag, message } = isRoot ? ask(folder, "as", "65534") : ask(folder, "once")
      if (!isRoot) fs.chmodSync(path.join(folder, "storage"), 0o700)
      assert.strictEqual(tag, "StorageDenied")
      assert.strictEqual(
        message,
        `${folder} cannot be read and written by this user. Change its owner or its rights, or choose another folder.`
      )
    }))

  test("newer: says both versions, changes nothing, and gives the folder free", (folder) =>
    Effect.gen(function* () {
      yield* Effect.provide(
        Storage.use((storage) => storage.write([{ key: storageVersionKey, value: encode(2) }], { durability: "strict" })),
        StorageLevel.layer({ folder })
      )
      for (let attempt = 0; attempt < 2; attempt++) {
        const error = yield* refusal(folder)
        assert.strictEqual(error._tag, "StorageNewer")
        assert.strictEqual(
          error.message,
          `${folder} has storage version 2, and this Troupe knows up to 1. Update Troupe, or choose another folder.`
        )
      }
    }))

  test("older, and not sealed: says both versions, and what opens it", (folder) =>
    Effect.gen(function* () {
      yield* Effect.provide(
        Storage.use((storage) => storage.write([{ key: storageVersionKey, value: encode(0) }], { durability: "strict" })),
        StorageLevel.layer({ folder })
      )
      for (let attempt = 0; attempt < 2; attempt++) {
        const error = yield* refusal(folder)
        assert.strictEqual(error._tag, "StorageOlder")
        assert.strictEqual(
          error.message,
          `${folder} has storage version 0, which was not sealed, and this Troupe needs 1. Open it with the Troupe that wrote it, or choose another folder.`
        )
      }
    }))

  test("no folder but a file, or a version that is none: says what to do", (folder) =>
    Effect.gen(function* () {
      const file = path.join(folder, "file")
      fs.writeFileSync(file, "")
      for (const place of [file, path.join(file, "below")]) {
        const error = yield* refusal(place)
        assert.match(error.message, /file.* is a file, or lies below one, and a folder is needed\. Choose another folder\.$/)
      }
      yield* Effect.provide(
        Storage.use((storage) => storage.write([{ key: storageVersionKey, value: k(0x18, 0x00) }], { durability: "strict" })),
        StorageLevel.layer({ folder })
      )
      assert.match((yield* refusal(folder)).message, /^the database in .* is damaged \(.*not the shortest form.*Put back a copy/)
    }))

  test("damaged: an open that fails leaves the folder free for the next", (folder) =>
    Effect.gen(function* () {
      yield* open(folder)
      const current = path.join(folder, "storage", "CURRENT")
      const kept = fs.readFileSync(current)
      fs.writeFileSync(current, "nonsense")
      assert.strictEqual((yield* refusal(folder))._tag, "StorageDamaged")
      fs.writeFileSync(current, kept)
      yield* open(folder)
    }))

  test("closed: says that it failed, and dies of nothing", (folder) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const storage = yield* Scope.provide(StorageLevel.make({ folder }), scope)
      yield* Scope.close(scope, Exit.void)
      for (const late of [
        storage.get(k(1)),
        storage.range({ from: k(1), to: k(2), limit: 1 }),
        storage.write([{ key: k(1), value: k(1) }], { durability: "strict" })
      ]) {
        assert.strictEqual((yield* Effect.flip(late as Effect.Effect<unknown, { readonly _tag: string }>))._tag, "StorageFailed")
      }
    }))
})

describe("StorageLevel: full", () => {
  const check = (folder: string, [full, after]: ReadonlyArray<Answer>) => {
    assert.strictEqual(full!.tag, "StorageFull")
    assert.strictEqual(
      full!.message,
      `${folder} is full and nothing was written. Free 16 MiB or more on that disk, then try again.`
    )
    assert.isAbove(full!.written, 0)
    assert.strictEqual(full!.found, full!.written, "what was acknowledged is there, what was refused is not")
    return after
  }
  const countIn = (folder: string) =>
    Effect.provide(
      Storage.use((storage) => Effect.map(storage.range({ from: k(0x70), to: k(0x71), limit: 100_000 }), (page) => page.length)),
      StorageLevel.layer({ folder }),
      { local: true }
    )

  test("says so, keeps what it acknowledged, and goes on behind it (a limit on the size of files)", (folder) =>
    Effect.gen(function* () {
      const limited = `ulimit -f 1000; exec "$0" "$@"`
      const after = check(folder, answersOf("bash", "-c", limited, process.execPath, opener, folder, "fill"))
      assert.strictEqual(after!.found, after!.written + 1, "a batch that fits is written again")
      assert.strictEqual(yield* countIn(folder), after!.found, "all of it is there when it is opened again")
    }))

  const [unshare, ...alone] = ["unshare", "-rm"] as const
  const canMount = spawnSync(unshare, [...alone, "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0
  test(`the same on a disk of 48 MB (${canMount ? "mounted for it" : "none can be mounted here: a limit on files stands for it"})`, (folder) =>
    Effect.sync(() => {
      const mounted = `mount -t tmpfs -o size=48m none "$1" && exec "$0" "$2" "$1" fill 20000000`
      const limited = `ulimit -f 2000; exec "$0" "$2" "$1" fill`
      const shell = canMount ? [unshare, ...alone, "bash", "-c", mounted] : ["bash", "-c", limited]
      const [command = "", ...words] = [...shell, process.execPath, folder, opener]
      const after = check(folder, answersOf(command, ...words))
      assert.strictEqual(after!.found, after!.written + 1, "where room is made, it goes on in the same process")
    }))
})

interface Answer {
  readonly tag: string
  readonly message: string
  readonly written: number
  readonly found: number
}

/** What another process is answered. */
const ask = (folder: string, ...how: ReadonlyArray<string>): Answer => answersOf(process.execPath, opener, folder, ...how)[0]!

const answersOf = (command: string, ...words: ReadonlyArray<string>): ReadonlyArray<Answer> => {
  const { stderr, stdout } = spawnSync(command, words, { encoding: "utf8" })
  assert.notStrictEqual(stdout, "", stderr)
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
}
