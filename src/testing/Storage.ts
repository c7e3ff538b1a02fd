/**
 * The suite that says whether a Storage keeps its contract. Run it on your own backend, in a Vitest file. One that keeps its files
 * through Effect's `FileSystem` is run in memory, on a disk that loses power, fills up and fails at every operation in turn:
 *
 *     storageConformance("plain files", { layer: (folder) => PlainFiles.layer(folder), over: "FileSystem" })
 *
 * One that reaches its medium by itself is run in real folders, and in processes that are killed and that fill a disk:
 *
 *     storageConformance("my backend", { layer: (folder) => myLayer(folder), platform: NodeServices.layer, isDurable: true, writer })
 *
 * The rules, by the numbers in the tests' titles:
 * S1 reads give what was written last. S2 getMany answers in the order asked. S3 keys are ordered bytewise, unsigned.
 * S4 a range includes `from` and excludes `to`. S5 pages have at most `limit` entries and join without gap. S6 reverse counts from
 * the end. S7 an empty value is a value. S8 any key will do, also an empty one. S9 a batch is one: all of it, the later change wins.
 * S10 nothing to do is done. S11 reads see whole batches while batches are written. S12 bytes belong to the caller again.
 * S13 answers are plain Uint8Arrays. S14 values may be large. S15 keys may be many. S16 it behaves as a sorted list.
 * S17 an interrupted write is whole or absent. S18 folders are apart.
 * If it is durable: S19 what was written is there when opened again, and closing waits for what is under way.
 * Over FileSystem, when the power goes: S21 opens without an error. S22 what was acknowledged strict is there. S23 no batch is there
 * in part. S24 a batch is there only with all before it. S25 nothing is there that nobody wrote. S26 goes on, as safe as before.
 * Over FileSystem, on a full or failing disk: S27 answers with the typed error. S28 nothing of a refused batch is kept, all else is.
 * S29 goes on when the disk is well. S30 a crash takes no more than otherwise.
 * Over processes: S20 what was acknowledged survives SIGKILL, at both durabilities, and no batch is ever half there. S31 a full disk is
 * answered with StorageFull, nothing of the batch is kept, and it goes on where there is room.
 *
 * What a way cannot show is printed with its results. Over processes that is a missing sync: the operating system keeps what a killed
 * process wrote. Over `FileSystem` it is everything beneath that service, so run such a storage both ways.
 */
import { afterAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import type * as ChildProcess from "effect/process/ChildProcess"
import type * as Spawner from "effect/process/ChildProcessSpawner"
import type { Storage, StorageOpenError } from "../services/platform/Storage.ts"
import * as Faults from "./StorageFaults.ts"
import { filling, killing, limiting } from "./StorageProcesses.ts"
import { apart, apartTitle, type Open, reopening, reopeningTitle, rules } from "./StorageRules.ts"

/** A storage that keeps its files through Effect's `FileSystem`. */
export interface StorageOverFileSystem {
  /** The storage kept in `folder`, which is there and empty at first; built again each time it is opened. */
  readonly layer: Faults.OverFiles
  readonly over: "FileSystem"
  /** The plan that a failing rule has named: only that run is made. */
  readonly replay?: string
}

/** A storage that reaches its medium by itself. */
export interface StorageUnderTest {
  /** The storage kept in `folder`; built again each time it is opened. */
  readonly layer: (folder: string) => Layer.Layer<Storage, StorageOpenError>
  /** Where fresh folders and processes come from: `NodeServices.layer` of @effect/platform-node. */
  readonly platform: Layer.Layer<FileSystem.FileSystem | Spawner.ChildProcessSpawner>
  /** Whether what was written is there when the folder is opened again. */
  readonly isDurable: boolean
  /** A program that runs `keepWriting` on the folder until that ends, or it is killed; without it S20 and S31 are left out. */
  readonly writer?: (folder: string) => ChildProcess.Command
}

/** Declares the suite. */
export const storageConformance = (name: string, under: StorageOverFileSystem | StorageUnderTest): void => {
  describe(`Storage: ${name}`, () => {
    if ("over" in under) overFileSystem(name, under)
    else overFolders(name, under)
  })
}

/** A rule as a test: its title, and an Effect that fails where it is broken. */
export type StorageRule = readonly [title: string, check: Effect.Effect<void, unknown>]

/** The rules for a storage over `FileSystem` one by one, for whoever wants to see one broken. */
export const storageRules = (
  layer: Faults.OverFiles,
  options: Faults.SweepOptions = { isBrief: false }
): ReadonlyArray<StorageRule> => [
  ...rules.map(([title, check]): StorageRule => [title, Faults.slowly(layer, (open) => open("/one", check))]),
  [apartTitle, Faults.slowly(layer, (open) => apart("/one", "/other", open))],
  [reopeningTitle, Faults.slowly(layer, (open) => reopening("/one", open))],
  ...Faults.faultRules(layer, options)
]

const overFileSystem = (name: string, { layer, replay }: StorageOverFileSystem): void => {
  if (replay !== undefined) {
    it.effect(`replays ${replay}`, () => Faults.replay(layer, replay))
    return
  }
  const tried: Array<string> = []
  const rules = storageRules(layer, { isBrief: false, report: (line) => tried.push(line) })
  for (const [title, check] of rules) it.effect(title, () => check, 60_000)
  afterAll(() => console.log(`storage ${name}: ${tried.sort().join(", ")}`))
  told(name, [
    "what lies beneath FileSystem: the real disk, the operating system, the names of Windows",
    "two processes on one folder, rot, and a disk that says that it has synced and has not"
  ])
}

/** What processes cannot show: a storage that reaches its medium by itself cannot be made to lose what the system has taken. */
const beneath = [
  "a missing sync, and torn and reordered writes: the operating system keeps what a killed process wrote (S21 to S26)",
  "a sync that fails (S27 to S30)"
]

const overFolders = (name: string, under: StorageUnderTest): void => {
  const { isDurable, layer, platform, writer } = under
  const freshFolder = Effect.flatMap(FileSystem.FileSystem, (files) =>
    files.makeTempDirectoryScoped({ prefix: "troupe-storage-" })
  )
  const open: Open = (folder, use) => Effect.scoped(Effect.provide(use, layer(folder), { local: true }))
  const untested = isDurable ? [...beneath] : ["durability (S19 to S31): it keeps nothing"]

  for (const [title, check] of rules) {
    it.effect(title, () => Effect.flatMap(freshFolder, (folder) => open(folder, check)).pipe(Effect.provide(platform)), 60_000)
  }
  it.effect(apartTitle, () =>
    Effect.gen(function* () {
      yield* apart(yield* freshFolder, yield* freshFolder, open)
    }).pipe(Effect.provide(platform))
  )
  if (isDurable) {
    it.effect(reopeningTitle, () =>
      Effect.flatMap(freshFolder, (folder) => reopening(folder, open)).pipe(Effect.provide(platform))
    )
  }
  if (writer !== undefined) {
    it.effect(
      "[S20] what was acknowledged survives SIGKILL, and no batch is half there",
      () => Effect.flatMap(freshFolder, (folder) => killing(name, folder, open, writer(folder))).pipe(Effect.provide(platform)),
      120_000
    )
    const set = (title: string, test: (folder: string) => Effect.Effect<string | null, unknown, Spawner.ChildProcessSpawner>) =>
      it.effect(
        title,
        () =>
          Effect.gen(function* () {
            const obstacle = yield* test(yield* freshFolder)
            if (obstacle !== null) untested.push(`${title}: it could not be set up (${obstacle})`)
          }).pipe(Effect.provide(platform)),
        120_000
      )
    set("[S31] a file that may not grow is a full disk: StorageFull, nothing kept, and it goes on", (folder) =>
      limiting(folder, open, writer(folder))
    )
    set("[S31] a disk of 12 MB is full: StorageFull, nothing kept, and it goes on when it has grown", (folder) =>
      filling(folder, writer(folder))
    )
  }
  if (isDurable && writer === undefined) untested.push("kills and full disks (S20, S31): no writer was given")
  told(name, untested)
}

/** Prints, when the suite is over, what it could not test. */
const told = (name: string, untested: ReadonlyArray<string>): void => {
  afterAll(() => {
    console.log(`storage ${name}: not tested here\n${untested.map((each) => `  - ${each}`).join("\n")}`)
  })
}
