/**
 * The rules that a Storage is shown to keep by processes that are killed, and by disks that are full: for those that reach their medium
 * by themselves. The numbers are explained in Storage.ts.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Spawner from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import { Storage } from "../services/platform/Storage.ts"
import { type Open, readNumbers } from "./StorageRules.ts"
import { fillingRange, numbered, writerKeys } from "./StorageWriter.ts"

/** After how many acknowledged batches each child is killed; odd and even, early and late. */
const killsAfter = [1, 7, 40, 111, 222]

export const killing = Effect.fnUntraced(function* (name: string, folder: string, open: Open, writer: ChildProcess.Command) {
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
            return before < goal && acknowledged >= goal ? Effect.forkScoped(child.kill({ killSignal: "SIGKILL" })) : Effect.void
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
    console.log(`storage ${name}: ${killsAfter.length} writers killed (SIGKILL), ${acknowledged} batches whole`)
  )
})

/** The folder's own limit on files, in units of 512 or 1,024 bytes, whichever the shell has: of 2 or 4 MB. */
const limited = `ulimit -f 4000 && echo ready && exec "$0" "$@"`

/**
 * No file may grow beyond some megabytes. When the writer has been refused, the folder is opened without the limit: nothing of the
 * refused batch is there, and it goes on. Null, or why this could not be set up.
 */
export const limiting = Effect.fnUntraced(function* (folder: string, open: Open, writer: ChildProcess.Command) {
  const lines = yield* linesOf("sh", ["-c", limited], writer)
  if (typeof lines === "string") return lines
  const [acknowledged] = refusals(lines)
  const found = Storage.use((storage) => Effect.map(storage.range(fillingRange), (page) => page.length))
  assert.deepStrictEqual(
    [...new Set(yield* open(folder, readNumbers))],
    [acknowledged],
    "not as before the batch that was refused"
  )
  assert.strictEqual(yield* open(folder, found), acknowledged, "what is there of all batches together")
  const n = acknowledged! + 1
  const batch = writerKeys.map((key) => ({ key, value: numbered(n) }))
  yield* open(
    folder,
    Storage.use((storage) => storage.write(batch, { durability: "strict" }))
  )
  assert.deepStrictEqual([...new Set(yield* open(folder, readNumbers))], [n], "it does not go on")
  return null
})

const mounted = `mount -t tmpfs -o size=12m none "$0" && echo ready && "$@" && mount -o remount,size=24m "$0" && exec "$@"`

/**
 * The folder is a disk of its own, of 12 MB, in a namespace that nobody else sees (unshare, on Linux). When the writer has been
 * refused the disk grows, and another writer goes on behind the last batch that was acknowledged. Null, or why this could not be set up.
 */
export const filling = Effect.fnUntraced(function* (folder: string, writer: ChildProcess.Command) {
  const lines = yield* linesOf("unshare", ["-rm", "sh", "-c", mounted, folder], writer)
  if (typeof lines === "string") return lines
  const [first, second] = refusals(lines)
  assert.isDefined(second, "no second writer went on")
  assert.isAbove(second!, first!)
  return null
})

/** What the writer prints when this command runs it; or why the command could not be run. */
const linesOf = Effect.fnUntraced(function* (command: string, words: ReadonlyArray<string>, writer: ChildProcess.Command) {
  if (writer._tag !== "StandardCommand") return "the writer is a pipeline"
  const spawner = yield* Spawner.ChildProcessSpawner
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const child = yield* spawner.spawn(ChildProcess.make(command, [...words, writer.command, ...writer.args], writer.options))
      const [lines, errors] = yield* Effect.all(
        [
          child.stdout.pipe(Stream.decodeText, Stream.splitLines, Stream.runCollect),
          child.stderr.pipe(
            Stream.decodeText,
            Stream.runFold(
              () => "",
              (text, more: string) => text + more
            )
          )
        ],
        { concurrency: "unbounded" }
      )
      return lines[0] === "ready" ? lines.slice(1) : `${command}: ${errors.trim() || "it did not start"}`
    })
  ).pipe(Effect.catchTag("PlatformError", (error) => Effect.succeed(error.message)))
})

/** The batches that were acknowledged last before each refusal; whatever else the writer printed is judged here. */
const refusals = (lines: ReadonlyArray<string>): ReadonlyArray<number> => {
  const before: Array<number> = []
  let acknowledged = 0
  for (const line of lines) {
    const [word, n, tag, ...there] = line.split(" ")
    if (word !== "refused") {
      assert.strictEqual(line, String(acknowledged + 1), "a batch does not follow the last one that was acknowledged")
      acknowledged++
      continue
    }
    assert.deepStrictEqual([n, tag], [String(acknowledged + 1), "StorageFull"])
    assert.deepStrictEqual(there, [String(acknowledged)], "something of the refused batch can be read")
    before.push(acknowledged)
  }
  assert.isAbove(before.length, 0, `no batch was refused: ${lines.slice(-3).join(", ")}`)
  return before
}
