/**
 * The suite for storages is shown to see: mistakes are planted in copies of the example, one at a time, and each is caught by a rule.
 *
 * A mistake is a change of the source, as somebody might have written it. Its pattern has to match, and the example without it has to
 * pass, else nothing would be shown. The rules run in their order, and the first that fails is the one that is named.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PlainFiles from "../../examples/custom-storage/PlainFiles.ts"
import { storageRules } from "../../src/testing/index.ts"
import { type OverFiles, replay } from "../../src/testing/StorageFaults.ts"
import { root } from "../tidy/Source.ts"

const example = path.join(root, "examples/custom-storage")
// below the repository, so that a copy finds what the example imports
fs.mkdirSync(path.join(root, ".troupe"), { recursive: true })
const copies = fs.mkdtempSync(path.join(root, ".troupe/mistakes-"))
/** Milliseconds for one of them, on a machine that has much to do. */
const patience = 120_000
const told: Array<string> = []
afterAll(() => {
  fs.rmSync(copies, { recursive: true })
  console.log(`planted mistakes, and the rule that caught each\n${told.sort().join("\n")}`)
})

interface Mistake {
  readonly name: string
  readonly file: "PlainFiles.ts" | "LogRecord.ts"
  readonly replaces: ReadonlyArray<readonly [from: string, to: string]>
  readonly caughtBy: string
}

const mistakes: ReadonlyArray<Mistake> = [
  {
    name: "keys are compared as signed bytes",
    file: "PlainFiles.ts",
    replaces: [["return a[i]! - b[i]!", "return ((a[i]! << 24) >> 24) - ((b[i]! << 24) >> 24)"]],
    caughtBy: "S3"
  },
  {
    name: "the limit of a range is forgotten",
    file: "PlainFiles.ts",
    replaces: [["Math.min(last, first + limit)", "last"]],
    caughtBy: "S5"
  },
  {
    name: "reverse takes the first of a range and not the last",
    file: "PlainFiles.ts",
    replaces: [["Math.max(first, last - limit), last).reverse()", "first, Math.min(last, first + limit)).reverse()"]],
    caughtBy: "S6"
  },
  {
    name: "reads see a batch while it is applied",
    file: "PlainFiles.ts",
    replaces: [
      [
        "        apply(entries, batch)",
        "        for (const change of batch) {\n          apply(entries, [change])\n          yield* Effect.yieldNow\n        }"
      ]
    ],
    caughtBy: "S11"
  },
  {
    name: "the caller's bytes are kept, and not a copy",
    file: "PlainFiles.ts",
    replaces: [["{ key: copy(key), value: copy(value) }])", "{ key, value }])"]],
    caughtBy: "S12"
  },
  {
    name: "removals are skipped when the log is read",
    file: "LogRecord.ts",
    replaces: [["      changes.push(", "      if (!isRemoved) changes.push("]],
    caughtBy: "S19"
  },
  {
    name: "strict does not sync",
    file: "PlainFiles.ts",
    replaces: [["        if (isStrict) yield* file.sync\n", ""]],
    caughtBy: "S22"
  },
  {
    name: "the folder is not synced after the rename",
    file: "PlainFiles.ts",
    replaces: [["      yield* names.sync\n", ""]],
    caughtBy: "S22"
  },
  {
    name: "the new log is not synced before the rename",
    file: "PlainFiles.ts",
    replaces: [["      yield* fresh.sync\n", ""]],
    caughtBy: "S22"
  },
  {
    name: "a batch is written as one record for each change",
    file: "PlainFiles.ts",
    replaces: [["yield* file.writeAll(record)", "for (const change of batch) yield* file.writeAll(recordOf([change]))"]],
    caughtBy: "S23"
  },
  {
    name: "records are read on behind one that is torn",
    file: "LogRecord.ts",
    replaces: [["!== view.getUint32(at)) break", "!== view.getUint32(at)) {\n      at = end\n      continue\n    }"]],
    caughtBy: "S24"
  },
  {
    name: "the checksum is not looked at",
    file: "LogRecord.ts",
    replaces: [
      ["if (end > log.length || checksum(log.subarray(at + 4, end)) !== view.getUint32(at)) break", "if (end > log.length) break"]
    ],
    caughtBy: "S21"
  },
  {
    name: "the checksum covers no more than the first bytes",
    file: "LogRecord.ts",
    replaces: [
      ["checksum(record.subarray(4))", "checksum(record.subarray(4, 44))"],
      ["checksum(log.subarray(at + 4, end))", "checksum(log.subarray(at + 4, Math.min(end, at + 44)))"]
    ],
    caughtBy: "S21"
  },
  {
    name: "what a crash left of the new log stands in the way of the next",
    file: "PlainFiles.ts",
    replaces: [['{ flag: "w" }', '{ flag: "wx" }']],
    caughtBy: "S21"
  },
  {
    name: "batches are appended behind a torn record",
    file: "PlainFiles.ts",
    replaces: [
      ["  yield* rewrite\n  // closing", "  if (yield* files.exists(log)) isWhole = true\n  else yield* rewrite\n  // closing"]
    ],
    caughtBy: "S26"
  },
  {
    name: "errors of the file system are passed on as they are",
    file: "PlainFiles.ts",
    replaces: [['          Effect.mapError((error) => errorOf(folder, "writing", error)),\n', ""]],
    caughtBy: "S27"
  },
  {
    name: "what a full disk took of a batch is left there",
    file: "PlainFiles.ts",
    replaces: [
      ["          Effect.tapError(() => mend),\n", ""],
      ["        isWhole = false\n", ""]
    ],
    caughtBy: "S28"
  },
  {
    name: "how much was written is not looked at",
    file: "PlainFiles.ts",
    replaces: [["yield* file.writeAll(record)", "yield* file.write(record)"]],
    caughtBy: "S28"
  },
  {
    name: "a sync that failed is tried once more, and then believed",
    file: "PlainFiles.ts",
    replaces: [["yield* file.sync\n", "yield* Effect.retry(file.sync, { times: 1 })\n"]],
    caughtBy: "S28"
  },
  {
    name: "after a sync that failed the batch is cut off, and those before it are taken to be safe",
    file: "PlainFiles.ts",
    replaces: [
      [
        "Effect.andThen(Effect.ignore(files.truncate(log, length)), Effect.ignore(rewrite))",
        "Effect.ignore(Effect.tap(files.truncate(log, length), () => Effect.sync(() => (isWhole = true))))"
      ]
    ],
    caughtBy: "S28"
  },
  {
    name: "the log is mended in its place",
    file: "PlainFiles.ts",
    replaces: [["Effect.ignore(rewrite))", "Effect.ignore(files.writeFile(log, recordOf(entries))))"]],
    caughtBy: "S28"
  },
  {
    name: "the log is mended without a sync",
    file: "PlainFiles.ts",
    replaces: [
      [
        "Effect.ignore(rewrite))",
        "Effect.ignore(Effect.andThen(files.writeFile(`${log}.new`, recordOf(entries)), files.rename(`${log}.new`, log))))"
      ]
    ],
    caughtBy: "S30"
  }
]

const load = async (name: string, mistake: Mistake | null): Promise<OverFiles> => {
  const folder = fs.mkdtempSync(path.join(copies, "copy-"))
  for (const file of ["PlainFiles.ts", "LogRecord.ts"]) {
    let text = fs.readFileSync(path.join(example, file), "utf8")
    for (const [from, to] of mistake?.file === file ? mistake.replaces : []) {
      assert.lengthOf(text.split(from), 2, `the pattern of "${name}" is in ${file} once:\n${from}`)
      text = text.replace(from, () => to)
    }
    fs.writeFileSync(path.join(folder, file), text)
  }
  const { layer } = (await import(pathToFileURL(path.join(folder, "PlainFiles.ts")).href)) as { readonly layer: OverFiles }
  return layer
}

/** The first rule that fails, with what it says. S14 and S15 are about amounts, and take long. */
const firstBroken = (layer: OverFiles) =>
  Effect.gen(function* () {
    for (const [title, check] of storageRules(layer, { isBrief: true })) {
      if (/^\[S1[45]\]/.test(title)) continue
      const exit = yield* Effect.exit(check)
      if (Exit.isFailure(exit)) return { title, says: String(Cause.squash(exit.cause)) }
    }
    return null
  })

/** The run that a failing rule names breaks a rule again, and on the example it breaks none. */
const replaysAlone = Effect.fnUntraced(function* (layer: OverFiles, says: string) {
  const plan = /replay: "(.*)"/.exec(says)?.[1]
  if (plan === undefined) return
  assert.isTrue(Exit.isFailure(yield* Effect.exit(replay(layer, plan))), `${plan} breaks nothing when it is run alone`)
  yield* replay(PlainFiles.layer, plan)
})

describe("StorageMistakes", () => {
  for (const mistake of mistakes) {
    it.live(
      `${mistake.name}: caught by ${mistake.caughtBy}`,
      () =>
        Effect.gen(function* () {
          const layer = yield* Effect.promise(() => load(mistake.name, mistake))
          const broken = yield* firstBroken(layer)
          assert.isNotNull(broken, "no rule caught it")
          told.push(`  ${mistake.name}: ${broken!.title}`)
          yield* replaysAlone(layer, broken!.says)
          assert.strictEqual(/S\d+/.exec(broken!.title)?.[0], mistake.caughtBy, `${broken!.title}\n${broken!.says}`)
        }),
      patience
    )
  }

  it.live(
    "the example without a mistake breaks none",
    () =>
      Effect.gen(function* () {
        assert.isNull(yield* firstBroken(yield* Effect.promise(() => load("none", null))))
        assert.isAtLeast(mistakes.length, 8)
      }),
    patience
  )
})
