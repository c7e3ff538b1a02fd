/**
 * The suite that says whether a Storage keeps its contract. Run it on your own backend, in a Vitest file:
 *
 *     storageConformance("my backend", { layer: (folder) => myLayer(folder), platform: NodeServices.layer, isDurable: true })
 *
 * The rules, by the numbers in the tests' titles:
 * S1 reads give what was written last. S2 getMany answers in the order asked. S3 keys are ordered bytewise, unsigned.
 * S4 a range includes `from` and excludes `to`. S5 pages have at most `limit` entries and join without gap. S6 reverse counts from
 * the end. S7 an empty value is a value. S8 any key will do, also an empty one. S9 a batch is one: all of it, the later change wins.
 * S10 nothing to do is done. S11 reads see whole batches while batches are written. S12 bytes belong to the caller again.
 * S13 answers are plain Uint8Arrays. S14 values may be large. S15 keys may be many. S16 it behaves as a sorted list.
 * S17 an interrupted write is whole or absent. S18 folders are apart.
 * If it is durable: S19 what was written is there when opened again, and closing waits for what is under way.
 * S20 what was acknowledged survives SIGKILL, at both durabilities, and no batch is ever half there.
 *
 * S20 cannot show a missing sync: the operating system keeps what a killed process wrote. Only a machine that loses power, or a
 * simulated disk that does, can.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type * as ChildProcess from "effect/process/ChildProcess"
import * as Spawner from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import { Storage, type StorageOpenError } from "../services/platform/Storage.ts"
import { b, everything, rules, write } from "./StorageRules.ts"
import { numbered, numberOf, writerKeys } from "./StorageWriter.ts"

export interface StorageUnderTest {
  /** The storage kept in `folder`; built again each time it is opened. */
  readonly layer: (folder: string) => Layer.Layer<Storage, StorageOpenError>
  /** Where fresh folders and processes come from: `NodeServices.layer` of @effect/platform-node. */
  readonly platform: Layer.Layer<FileSystem.FileSystem | Spawner.ChildProcessSpawner>
  /** Whether what was written is there when the folder is opened again. */
  readonly isDurable: boolean
  /** A program that runs `keepWriting` on the folder until it is killed; without it S20 is left out. */
  readonly writer?: (folder: string) => ChildProcess.Command
}

/** Declares the suite. */
export const storageConformance = (name: string, under: StorageUnderTest): void => {
  const freshFolder = Effect.flatMap(FileSystem.FileSystem, (files) =>
    files.makeTempDirectoryScoped({ prefix: "troupe-storage-" })
  )
  const open: Open = (folder, use) => Effect.scoped(Effect.provide(use, under.layer(folder), { local: true }))
  const { writer } = under

  describe(`Storage: ${name}`, () => {
    for (const [title, check] of rules) {
      it.effect(
        title,
        () => Effect.flatMap(freshFolder, (folder) => open(folder, check)).pipe(Effect.provide(under.platform)),
        60_000
      )
    }

    it.effect("[S18] two folders share nothing", () =>
      Effect.gen(function* () {
        const [one, other] = [yield* freshFolder, yield* freshFolder]
        const found = yield* open(one, Effect.andThen(write([b(0x70), b(1)]), open(other, everything)))
        assert.isEmpty(found)
      }).pipe(Effect.provide(under.platform))
    )

    if (under.isDurable) {
      it.effect("[S19] what was written is there when opened again, and closing waits for what is under way", () =>
        Effect.flatMap(freshFolder, (folder) => reopening(folder, open)).pipe(Effect.provide(under.platform))
      )
    }

    if (writer !== undefined) {
      it.effect(
        "[S20] what was acknowledged survives SIGKILL, and no batch is half there (cannot show a missing sync)",
        () =>
          Effect.flatMap(freshFolder, (folder) => killing(name, folder, open, writer(folder))).pipe(
            Effect.provide(under.platform)
          ),
        120_000
      )
    }
  })
}

type Open = <A, E>(folder: string, use: Effect.Effect<A, E, Storage>) => Effect.Effect<A, E | StorageOpenError>

const readNumbers = Storage.use((storage) => Effect.map(storage.getMany(writerKeys), (values) => values.map(numberOf)))

const reopening = (folder: string, open: Open) =>
  Effect.gen(function* () {
    for (const [n, durability] of [
      [1, "strict"],
      [2, "relaxed"]
    ] as const) {
      const batch = writerKeys.map((key) => ({ key, value: numbered(n) }))
      yield* open(
        folder,
        Storage.use((storage) => storage.write(batch, { durability }))
      )
      assert.deepStrictEqual(
        yield* open(folder, readNumbers),
        writerKeys.map(() => n)
      )
    }
    // batches that are under way when the scope closes: those that ended well are there, the others are whole or absent
    const fibers = yield* open(
      folder,
      Effect.gen(function* () {
        const fibers = yield* Effect.forEach(writerKeys, (key, i) =>
          Effect.forkDetach(write([key, numbered(100 + i)], [b(0x78, i), numbered(100 + i)]), { startImmediately: true })
        )
        return fibers
      })
    )
    const ended = yield* Effect.forEach(fibers, Fiber.await)
    const later = yield* open(
      folder,
      Storage.use((storage) => storage.getMany(writerKeys.map((_, i) => b(0x78, i))))
    )
    const numbers = yield* open(folder, readNumbers)
    ended.forEach((exit, i) => {
      assert.strictEqual(numbers[i], later[i] === null ? 2 : 100 + i, "half a batch")
      if (exit._tag === "Success") assert.isNotNull(later[i]!, "a write that had ended is gone")
    })
  })

/** After how many acknowledged batches each child is killed; odd and even, early and late. */
const killsAfter = [1, 7, 40, 111, 222]

const killing = (name: string, folder: string, open: Open, writer: ChildProcess.Command) =>
  Effect.gen(function* () {
    const spawner = yield* Spawner.ChildProcessSpawner
    let acknowledged = 0
    for (const target of killsAfter) {
      const goal = acknowledged + target
      yield* Effect.scoped(
        Effect.gen(function* () {
          const child = yield* spawner.spawn(writer)
          yield* child.stdout.pipe(
            Stream.decodeText,
            Stream.splitLines,
            Stream.runForEach((line) => {
              const before = acknowledged
              acknowledged = Number(line)
              return before < goal && acknowledged >= goal
                ? Effect.forkScoped(child.kill({ killSignal: "SIGKILL" }))
                : Effect.void
            })
          )
        })
      )
      assert.isAtLeast(acknowledged, goal, "the writer ended before it was killed")
      const numbers = yield* open(folder, readNumbers)
      assert.strictEqual(new Set(numbers).size, 1, `half a batch is there: ${numbers.join(" ")}`)
      assert.isAtLeast(numbers[0]!, acknowledged, "an acknowledged batch is gone")
      acknowledged = numbers[0]!
    }
    yield* Effect.sync(() =>
      console.log(
        `storage ${name}: ${killsAfter.length} writers killed (SIGKILL), ${acknowledged} batches whole; this cannot show a missing sync`
      )
    )
  })
