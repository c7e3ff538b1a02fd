/**
 * The faulty file system that Storage's suite runs on: without a fault it is as Node's, and each fault leaves what its model says.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type { Outcome } from "../../src/testing/FaultyDisk.ts"
import { FaultyFileSystem } from "../../src/testing/FaultyFileSystem.ts"

const b = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)
const file = (flag: FileSystem.OpenFlag, path = "/f") => FileSystem.FileSystem.use((files) => files.open(path, { flag }))
const read = (path = "/f") => FileSystem.FileSystem.use((files) => Effect.map(files.readFile(path), (bytes) => [...bytes]))
const syncFolder = Effect.scoped(Effect.flatMap(file("r", "/"), (folder) => folder.sync))
const names = FileSystem.FileSystem.use((files) => files.readDirectory("/"))
const code = (error: PlatformError.PlatformError) =>
  error.reason.cause instanceof Error && "code" in error.reason.cause ? error.reason.cause.code : error.reason._tag

/** Runs on one life of a disk; a new one each time. */
const on = <A, E>(machine: FaultyFileSystem, use: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>) =>
  Effect.scoped(Effect.provideService(use, FileSystem.FileSystem, machine.files()))
const machine = (seed = 1) => new FaultyFileSystem({ seed })

/** What is in the file after `unsynced` was done to one that is synced with `content`, over the outcomes of many seeds. */
const survivors = (content: Uint8Array, unsynced: (file: FileSystem.File) => Effect.Effect<unknown, unknown>, outcome: Outcome) =>
  Effect.forEach(
    Array.from({ length: 60 }, (_, seed) => seed),
    Effect.fnUntraced(function* (seed) {
      const disk = machine()
      const writing = Effect.gen(function* () {
        const f = yield* file("w")
        yield* f.writeAll(content)
        yield* f.sync
        yield* syncFolder
        yield* unsynced(f)
      })
      yield* on(disk, writing)
      disk.crash(outcome, seed)
      return yield* on(disk, read())
    })
  )
const distinct = (found: ReadonlyArray<unknown>) => [...new Set(found.map((each) => JSON.stringify(each)))].sort()

describe("StorageDisk: without faults", () => {
  /** Does this and that in a folder, and tells what came of it. */
  const script = (folder: string) =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const told: Array<unknown> = []
      const tell = <A, R>(effect: Effect.Effect<A, PlatformError.PlatformError, R>) =>
        Effect.map(Effect.result(effect), (result) =>
          told.push(
            result._tag === "Failure"
              ? [result.failure.reason._tag, code(result.failure)]
              : Option.isOption(result.success)
                ? Option.getOrNull(result.success)
                : (result.success ?? null)
          )
        )
      const bytes = (path: string) => tell(Effect.map(files.readFile(`${folder}/${path}`), (bytes) => [...bytes]))
      const at = (path: string) => `${folder}/${path}`
      yield* bytes("a")
      yield* tell(files.writeFile(at("a"), b(1, 2, 3)))
      yield* bytes("a")
      yield* tell(Effect.asVoid(files.open(at("a"), { flag: "wx" })))
      yield* tell(Effect.asVoid(files.open(at("none"), { flag: "r+" })))
      yield* tell(Effect.asVoid(files.open(folder, { flag: "w" })))
      const a = yield* files.open(at("a"), { flag: "r+" })
      yield* tell(a.seek(2n, "start"))
      yield* tell(a.write(b(9, 8)))
      yield* bytes("a")
      yield* tell(a.truncate(6))
      yield* bytes("a")
      yield* tell(a.truncate(1))
      yield* tell(a.write(b(7)))
      yield* bytes("a")
      const appended = yield* files.open(at("a"), { flag: "a+" })
      yield* tell(appended.writeAll(b(5, 6)))
      yield* tell(Effect.map(appended.readAlloc(2), (read) => Option.map(read, (bytes) => [...bytes])))
      yield* tell(Effect.map(appended.readAlloc(9, { position: 1n }), (read) => Option.map(read, (bytes) => [...bytes])))
      yield* tell(Effect.map(appended.readAlloc(9, { position: 90n }), (read) => Option.map(read, (bytes) => [...bytes])))
      yield* tell(Effect.map(appended.stat, (info) => [info.type, Number(info.size)]))
      yield* tell(files.rename(at("a"), at("b")))
      yield* tell(appended.writeAll(b(4)))
      yield* bytes("a")
      yield* bytes("b")
      yield* tell(files.makeDirectory(at("d/e")))
      yield* tell(Effect.asVoid(files.makeDirectory(at("d/e"), { recursive: true })))
      yield* tell(files.makeDirectory(at("d")))
      yield* tell(files.readDirectory(folder))
      yield* tell(files.readDirectory(at("b")))
      yield* tell(files.exists(at("d/e")))
      yield* tell(files.remove(at("x")))
      yield* tell(files.remove(at("x"), { force: true }))
      yield* tell(files.remove(at("d"), { recursive: true }))
      yield* tell(files.exists(at("d/e")))
      yield* tell(files.copyFile(at("b"), at("c")))
      yield* tell(files.truncate(at("c"), 1))
      yield* bytes("c")
      yield* tell(files.rename(at("none"), at("c")))
      yield* tell(Effect.flatMap(files.open(folder, { flag: "r" }), (folder) => folder.sync))
      return told
    })

  it.effect("does what Node's does, errors included", () =>
    Effect.gen(function* () {
      const expected = yield* Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        return yield* script(yield* files.makeTempDirectoryScoped())
      }).pipe(Effect.provide(NodeServices.layer))
      const found = yield* on(
        machine(),
        Effect.andThen(
          FileSystem.FileSystem.use((files) => files.makeDirectory("/t")),
          script("/t")
        )
      )
      assert.deepStrictEqual(found, expected)
      assert.isAbove(found.length, 35)
    })
  )
})

describe("StorageDisk: the power goes", () => {
  const append =
    (...bytes: ReadonlyArray<number>) =>
    (f: FileSystem.File) =>
      f.writeAll(b(...bytes))

  it.effect("kept: all of it is there; lost: what was synced", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(distinct(yield* survivors(b(1), append(2, 3), "kept")), ["[1,2,3]"])
      assert.deepStrictEqual(distinct(yield* survivors(b(1), append(2, 3), "lost")), ["[1]"])
      const truncated = (f: FileSystem.File) => f.truncate(0)
      assert.deepStrictEqual(distinct(yield* survivors(b(1), truncated, "lost")), ["[1]"])
    })
  )

  it.effect("cut: any number of bytes, in their order", () =>
    Effect.gen(function* () {
      const two = (f: FileSystem.File) => Effect.andThen(f.writeAll(b(2, 3)), f.writeAll(b(4)))
      assert.deepStrictEqual(distinct(yield* survivors(b(1), two, "cut")), ["[1,2,3,4]", "[1,2,3]", "[1,2]", "[1]"])
    })
  )

  it.effect("torn: any sectors, and zeros or a stranger's bytes for those that are missing", () =>
    Effect.gen(function* () {
      const sectors = new Uint8Array(1_024).fill(1, 0, 512).fill(2, 512)
      const found = yield* survivors(b(), (f) => f.writeAll(sectors), "torn")
      const kinds = new Set(
        found.map(
          (bytes) => `${bytes.length}: ${[bytes[0], bytes[512]].map((first) => (first! > 2 ? "strange" : first)).join(" ")}`
        )
      )
      for (const kind of ["0:  ", "512: 1 ", "1024: 1 2", "1024: 0 2", "1024: strange 2", "1024: 1 0"])
        assert.include([...kinds], kind)
    })
  )

  it.effect("the name of a new file is gone unless its folder was synced, and a rename is one", () =>
    Effect.gen(function* () {
      for (const isSynced of [false, true]) {
        const disk = machine()
        const made = Effect.gen(function* () {
          const f = yield* file("w")
          yield* f.writeAll(b(1))
          yield* f.sync
          if (isSynced) yield* syncFolder
        })
        yield* on(disk, made)
        disk.crash("lost", 1)
        assert.deepStrictEqual(yield* on(disk, names), isSynced ? ["f"] : [])
        if (!isSynced) continue
        const seen = new Set<string>()
        for (let seed = 0; seed < 20; seed++) {
          const [from, to] = (yield* on(disk, names))[0] === "f" ? ["/f", "/g"] : ["/g", "/f"]
          yield* on(
            disk,
            FileSystem.FileSystem.use((files) => files.rename(from!, to!))
          )
          disk.crash("torn", seed)
          seen.add((yield* on(disk, names)).join())
        }
        assert.deepStrictEqual([...seen].sort(), ["f", "g"])
      }
    })
  )

  it.effect("a later write to another file may be kept where an earlier one is lost, and the same seed decides alike", () =>
    Effect.gen(function* () {
      for (const outcome of ["cut", "torn"] as const) {
        const run = Effect.fnUntraced(function* (seed: number) {
          const disk = machine()
          const writing = Effect.gen(function* () {
            const [f, g] = [yield* file("w"), yield* file("w", "/g")]
            yield* syncFolder
            yield* f.writeAll(b(1))
            yield* g.writeAll(b(2))
          })
          yield* on(disk, writing)
          disk.crash(outcome, seed)
          return [(yield* on(disk, read("/f"))).length, (yield* on(disk, read("/g"))).length].join()
        })
        const seeds = Array.from({ length: 30 }, (_, seed) => seed)
        const found = yield* Effect.forEach(seeds, run)
        assert.include(found, "0,1")
        assert.include(found, "1,0")
        assert.deepStrictEqual(yield* Effect.forEach(seeds, run), found)
      }
    })
  )

  it.effect("the operation that it meets never ends, nor does any later one, and it has not synced", () =>
    Effect.gen(function* () {
      for (const [outcome, left] of [
        ["kept", [1]],
        ["lost", []]
      ] as const) {
        const disk = machine()
        let crashes = 0
        let ended = 0
        disk.onCrash = () => crashes++
        disk.plan({ kind: "crash", at: 4 })
        const writing = Effect.gen(function* () {
          const f = yield* file("w")
          yield* syncFolder
          yield* f.writeAll(b(1))
          ended++
          yield* f.sync
          ended++
        })
        yield* Effect.forkDetach(on(disk, writing), { startImmediately: true })
        assert.deepStrictEqual([crashes, ended, disk.operations], [1, 1, ["create /f", "sync /", "write /f", "sync /f"]])
        disk.crash(outcome, 1)
        assert.deepStrictEqual(yield* on(disk, read()), [...left])
      }
    })
  )
})

describe("StorageDisk: full and failing", () => {
  it.effect("full: takes what fits, refuses the rest and all that follows, until room is made", () =>
    Effect.gen(function* () {
      const lengths = new Set<number>()
      for (let seed = 0; seed < 30; seed++) {
        const disk = machine(seed)
        disk.plan({ kind: "full", at: 2 })
        const writing = Effect.gen(function* () {
          const f = yield* file("w")
          assert.strictEqual(code(yield* Effect.flip(f.writeAll(b(1, 2, 3)))), "ENOSPC")
          const partial = yield* read()
          lengths.add(partial.length)
          assert.deepStrictEqual(partial, [1, 2, 3].slice(0, partial.length))
          assert.strictEqual(code(yield* Effect.flip(file("w", "/g"))), "ENOSPC")
          yield* f.truncate(0)
          disk.heal()
          yield* f.writeAll(b(4))
          assert.deepStrictEqual(yield* read(), [4])
        })
        yield* on(disk, writing)
      }
      assert.deepStrictEqual([...lengths].sort(), [0, 1, 2])
    })
  )

  it.effect("a sync that failed is not made good by one that succeeds; the cache shows what is not there, or reverts", () =>
    Effect.gen(function* () {
      const shown = new Set<string>()
      const left = new Set<string>()
      for (let seed = 0; seed < 40; seed++) {
        const disk = machine(seed)
        const writing = Effect.gen(function* () {
          const f = yield* file("a")
          yield* syncFolder
          yield* f.writeAll(b(1))
          disk.plan({ kind: "failing", at: 4 })
          assert.strictEqual(code(yield* Effect.flip(f.sync)), "EIO")
          shown.add((yield* read()).join())
          yield* f.sync
        })
        yield* on(disk, writing)
        disk.crash("kept", 1)
        left.add((yield* on(disk, read())).join())
      }
      assert.deepStrictEqual(
        [...shown].sort(),
        ["", "0", "1"].filter((each) => shown.has(each))
      )
      assert.include([...shown], "1")
      assert.include([...shown], "")
      assert.include([...left], "")
      assert.include([...left], "1")
    })
  )
})
