/**
 * The law of the code, kept by machine: what may import what, what is free of platforms, what every file must say of itself.
 *
 * Each rule is run twice: over the repository, where it must find nothing, and over a planted fault, where it must complain. How many
 * files were looked at is asserted too, since a rule that matches no file finds no fault.
 */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { labels, labelsOf, moduleLine, modules } from "./tidy/Map.ts"
import * as Rules from "./tidy/Rules.ts"
import { linesOf, root, source, sourcesIn } from "./tidy/Source.ts"

const shipped = sourcesIn("src")
const beside = sourcesIn("test", "scripts", "examples", "demo", "bench")
const all = [...shipped, ...beside]
const read = (file: string): string => readFileSync(join(root, file), "utf8")

/** At least so many files were there when this was written; the floors rise with the house. */
const floors = { shipped: 100, platformFree: 85, schema: 44, services: 14, tests: 42, labels: 10 }
/** Casts past the compiler in src/. The number only falls. */
const castsMax = 1

const clean = (rule: Rules.Rule, sources = all) => assert.deepStrictEqual(rule(sources), [])

describe("tidy: the repository", () => {
  it("was looked at", () => {
    const below = (folder: string) => all.filter((file) => file.path.startsWith(folder)).length
    assert.isAtLeast(shipped.length, floors.shipped, "files in src/")
    assert.isAtLeast(shipped.filter((file) => Rules.isPlatformFree(file.path)).length, floors.platformFree, "platform-free files")
    assert.isAtLeast(below("src/schema/"), floors.schema, "files in src/schema/")
    assert.isAtLeast(below("src/services/"), floors.services, "files in src/services/")
    assert.isAtLeast(all.filter((file) => file.path.endsWith(".test.ts")).length, floors.tests, "test files")
    assert.isAtLeast(labelsOf(shipped).size, floors.labels, "labels")
    assert.isAtLeast(
      shipped.filter((file) => file.imports.length > 0).length,
      shipped.length / 2,
      "files whose imports were found"
    )
  })

  it("imports go down: faces, layers, services, schema; a layer knows no layer, save an assembly", () => clean(Rules.ladder))
  it("a part belongs to one layer of its room", () => clean(Rules.parts))
  it("schema is pure, services know Effect alone, Effect comes by its modules", () => clean(Rules.packages))
  it("nobody measures time by the clock of the wall", () => clean(Rules.wallClock))
  it("no platform-free file touches clock, randomness, timers or a platform", () => clean(Rules.platformFree))
  it("every file opens by saying what it is for", () => clean(Rules.moduleComment))
  it(`no file has more than ${Rules.linesMax} lines`, () => clean(Rules.length))
  it("no path has a junk drawer", () => clean(Rules.names))
  it("nothing silences the compiler, nothing is put off", () => clean(Rules.silenced))
  it("no test is left out", () => clean(Rules.leftOut))
  it("the same rooms on each floor, the same noun in each room", () => clean(Rules.nouns))
  it("every layer is reached by a test or an example", () => clean(Rules.tested))

  it(`src/ casts past the compiler at most ${castsMax} time(s)`, () => {
    const found = Rules.casts(shipped)
    assert.isAtMost(found.length, castsMax, found.join("\n"))
  })

  it("ARCHITECTURE.md names every module in one line", () => {
    assert.deepStrictEqual(modules(shipped, read("ARCHITECTURE.md")), [])
  })

  it("docs/format.md tells every label", () => {
    assert.deepStrictEqual(labels(shipped, read("docs/format.md")), [])
  })
})

/** A rule, a source that breaks it, and a source that looks alike and does not. */
const planted: ReadonlyArray<
  readonly [name: string, rule: Rules.Rule, path: string, bad: ReadonlyArray<string>, good: ReadonlyArray<string>]
> = [
  [
    "ladder: schema",
    Rules.ladder,
    "src/schema/echo/Feed.ts",
    [
      'import type { A } from "../../services/echo/A.ts"',
      'export { A } from "../../layers/echo/A.ts"',
      'const a = await import("../../services/echo/A.ts")'
    ],
    ['import { A } from "../platform/A.ts"', '// import { A } from "../../services/echo/A.ts"']
  ],
  [
    "ladder: services",
    Rules.ladder,
    "src/services/echo/FeedStore.ts",
    [
      'import { A } from "../../layers/echo/A.ts"',
      'import {\n  a,\n  b\n} from "../../cli/main.ts"',
      'import "../../layers/echo/A.ts"'
    ],
    ['import { A } from "../../schema/echo/A.ts"', 'import { A } from "../platform/A.ts"']
  ],
  [
    "ladder: layers",
    Rules.ladder,
    "src/layers/echo/FeedStore.ts",
    [
      'import { A } from "../platform/A.ts"',
      'import { A } from "./A.ts"',
      'import { A } from "../../testing/A.ts"',
      'import { a } from "../../../test/a.ts"'
    ],
    ['import { A } from "../../services/platform/A.ts"', 'import { A } from "../../schema/echo/A.ts"']
  ],
  [
    "ladder: assemblies",
    Rules.ladder,
    "src/layers/peer/PeerNode.ts",
    ['import { A } from "../../cli/A.ts"'],
    ['import { A } from "../echo/A.ts"']
  ],
  [
    "ladder: testing",
    Rules.ladder,
    "src/testing/Storage.ts",
    ['import { A } from "../layers/platform/A.ts"'],
    ['import { A } from "../services/platform/A.ts"']
  ],
  [
    "ladder: floors",
    Rules.ladder,
    "src/attic/echo/Feed.ts",
    ['import { A } from "../../schema/echo/A.ts"'],
    ['import * as Effect from "effect/Effect"']
  ],
  [
    "packages: schema",
    Rules.packages,
    "src/schema/echo/Feed.ts",
    [
      'import * as Effect from "effect/Effect"',
      'import { createHash } from "node:crypto"',
      'import { Data } from "effect"',
      'import { sha256 } from "@noble/hashes/sha2.js"'
    ],
    [
      'import * as Result from "effect/Result"',
      'import * as Encoding from "effect/encoding/Base64Url"',
      'const told = `import x from "node:fs"`'
    ]
  ],
  [
    "packages: services",
    Rules.packages,
    "src/services/echo/FeedStore.ts",
    [
      'import * as fs from "node:fs"',
      'import * as Node from "@effect/platform-node/NodeSocket"',
      'import { Effect } from "effect"'
    ],
    ['import * as Effect from "effect/Effect"']
  ],
  [
    "packages: layers",
    Rules.packages,
    "src/layers/platform/StorageMemory.ts",
    ['import * as fs from "node:fs"', 'import { ClassicLevel } from "classic-level"'],
    ['import * as Effect from "effect/Effect"']
  ],
  [
    "packages: platforms",
    Rules.packages,
    "src/layers/platform/StorageLevel.ts",
    ['import { Effect } from "effect"'],
    ['import { ClassicLevel } from "classic-level"']
  ],
  [
    "platform-free",
    Rules.platformFree,
    "src/layers/echo/FeedStore.ts",
    [
      "const now = Date.now()",
      "const now = new Date()",
      "const r = Math.random()",
      "setTimeout(run, 10)",
      "queueMicrotask(run)",
      "const t = performance.now()",
      "const id = crypto.randomUUID()",
      "globalThis.crypto.getRandomValues(a)",
      'const page = await fetch("https://example.org")',
      'const socket = new WebSocket("ws://localhost")',
      "const b = Buffer.from(bytes)",
      "const later = `${setTimeout(run)}`"
    ],
    [
      "// Date.now() is not asked",
      'const text = "setTimeout(run, 10)"',
      "/* Math.random() */",
      "const hash = crypto.hash(bytes)",
      "cache.fetch(key)",
      "const at = new Date(time)",
      'const pattern = /fetch("/',
      "const told = `Date.now() ${name} Math.random()`"
    ]
  ],
  [
    "wall clock",
    Rules.wallClock,
    "src/layers/mesh/Swarm.ts",
    ["const since = clock.currentTimeMillisUnsafe()", "yield* Clock.currentTimeMillis", "clock.currentTimeNanos"],
    ["const since = elapsedMillis(clock)", "// currentTimeMillis is not asked"]
  ],
  ["wall clock: stamps", Rules.wallClock, "src/layers/echo/SpaceLife.ts", ["clock.currentTimeMillisUnsafe()"], ["now()"]],
  ["platform-free: schema", Rules.platformFree, "src/schema/echo/Clock.ts", ["Date.now()"], ["clock.now()"]],
  ["platform-free: platforms may", Rules.platformFree, "src/testing/Storage.ts", ["Math.random()"], ["random.next()"]],
  [
    "module comment",
    Rules.moduleComment,
    "src/schema/echo/Feed.ts",
    ["const a = 1", "/** Feeds. */\nconst a = 1", "// Says what it is for, in the wrong way"],
    [
      "/** Feeds as bytes: manifests, blocks, heads. */\nconst a = 1",
      "#!/usr/bin/env node\n/** Feeds as bytes: manifests, blocks, heads. */"
    ]
  ],
  ["length", Rules.length, "src/schema/echo/Feed.ts", ["a\n".repeat(401)], ["a\n".repeat(400)]],
  [
    "silenced",
    Rules.silenced,
    "src/schema/echo/Feed.ts",
    ["const a = b as any", "const a: any = b", "// @ts-ignore\n", "// @ts-expect-error why\n", "// TODO: later\n"],
    ['const a = "as any"', "const a = b as Any"]
  ],
  [
    "casts",
    Rules.casts,
    "src/schema/echo/Feed.ts",
    ["const a = b as never", "const a = b as unknown as A"],
    ["const a = b as unknown", "const a = b as A"]
  ],
  [
    "left out",
    Rules.leftOut,
    "test/echo/Feed.test.ts",
    ['it.only("a", run)', 'describe.skip("a", run)', 'it.todo("a")', 'it.effect.skip("a", run)'],
    ['it.skipIf(none)("a", run)', 'it.effect("a", run)', 'const a = "it.only("']
  ]
]

describe("tidy: each rule sees a planted fault", () => {
  for (const [name, rule, path, bad, good] of planted) {
    for (const text of bad) {
      it(`${name}: refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
        const found = rule([source(path, text)])
        assert.isAtLeast(found.length, 1)
        assert.isTrue(
          found.every((fault) => fault.startsWith(path)),
          found.join("\n")
        )
      })
    }
    for (const text of good) {
      it(`${name}: accepts ${JSON.stringify(text.slice(0, 60))}`, () => {
        assert.deepStrictEqual(rule([source(path, text)]), [])
      })
    }
  }

  const paths: ReadonlyArray<readonly [name: string, rule: Rules.Rule, bad: ReadonlyArray<string>, good: ReadonlyArray<string>]> =
    [
      [
        "names",
        Rules.names,
        [
          "src/schema/utils/Bytes.ts",
          "src/layers/echo/FeedManager.ts",
          "src/schema/echo/types.ts",
          "test/helpers.ts",
          "src/schema/echo/FeedTypes.ts",
          "src/common/Feed.ts"
        ],
        ["src/schema/echo/TypeName.ts", "src/schema/echo/ObjectType.ts", "src/schema/echo/Feed.ts", "test/tidy.test.ts"]
      ],
      [
        "nouns",
        Rules.nouns,
        [
          "src/schema/attic/Feed.ts",
          "src/schema/echo/feed.ts",
          "src/layers/echo/Sprocket.ts",
          "test/echo/Sprocket.test.ts",
          "src/services/Feed.ts"
        ],
        [
          "src/layers/platform/StorageLevel.ts",
          "src/layers/peer/PeerNode.ts",
          "test/platform/Storage.test.ts",
          "test/docs.test.ts"
        ]
      ],
      ["tested", Rules.tested, ["src/layers/platform/StorageTape.ts"], ["src/services/platform/StorageTape.ts"]]
    ]
  const storage = source("src/services/platform/Storage.ts", "")
  for (const [name, rule, bad, good] of paths) {
    for (const path of bad) it(`${name}: refuses ${path}`, () => assert.lengthOf(rule([storage, source(path, "")]), 1))
    for (const path of good) it(`${name}: accepts ${path}`, () => assert.deepStrictEqual(rule([storage, source(path, "")]), []))
  }

  it("a layer that a test reaches counts as tested, and one that only its neighbour imports does not", () => {
    const layer = source("src/layers/platform/StorageTape.ts", "export const layer = 1")
    const imports = 'import * as Tape from "../../src/layers/platform/StorageTape.ts"'
    const assembly = source("src/tape.ts", 'export * from "./layers/platform/StorageTape.ts"')
    assert.deepStrictEqual(Rules.tested([layer, source("test/platform/Storage.test.ts", imports)]), [])
    assert.deepStrictEqual(Rules.tested([layer, assembly, source("examples/tape.ts", 'import * as Tape from "troupe/tape"')]), [])
    assert.lengthOf(
      Rules.tested([layer, source("src/layers/platform/StorageReel.ts", 'import * as Tape from "./StorageTape.ts"')]),
      2
    )
  })

  it("a layer may have parts in its room, and a part has one layer", () => {
    const part = source("src/layers/platform/TapeDrive.ts", "export const drive = 1")
    const imports = 'import { drive } from "./TapeDrive.ts"\nexport const layer = drive'
    const one = source("src/layers/platform/StorageTape.ts", imports)
    const other = source("src/layers/platform/KeyringTape.ts", imports)
    const elsewhere = source("src/layers/echo/FeedStore.ts", imports.replace("./", "../platform/"))
    assert.deepStrictEqual([...Rules.ladder([part, one]), ...Rules.parts([part, one])], [])
    assert.lengthOf(Rules.parts([part, one, other]), 1)
    assert.lengthOf(Rules.ladder([part, elsewhere]), 1)
    assert.lengthOf(Rules.ladder([source(part.path, "export const layer = 1"), one]), 1)
  })

  it("the map misses a module, keeps one that is gone, or says nothing of it", () => {
    const feed = source(
      "src/schema/echo/Feed.ts",
      "/**\n * Feeds as bytes: manifests\n * and heads. More of it.\n *\n * Why so.\n */\n"
    )
    const line = "- `schema/echo/Feed.ts`: Feeds as bytes: manifests and heads."
    assert.strictEqual(moduleLine(feed), line)
    assert.deepStrictEqual(modules([feed], `# Modules\n${line}\n`), [])
    assert.include(modules([feed], "# Modules\n")[0], line)
    assert.include(modules([], `${line}\n`)[0], "gone")
    assert.include(modules([feed], "- `schema/echo/Feed.ts`: Feeds\n")[0], "what schema/echo/Feed.ts is for")
  })

  it("a label that the format does not tell is found, and a longer one does not hide it", () => {
    const code = source("src/schema/echo/Feed.ts", 'const a = "echo/block"; const b = "troupe/echo/FeedStore"')
    assert.deepStrictEqual([...labelsOf([code]).keys()], ["echo/block"])
    assert.lengthOf(labels([code], "an id under `echo/block-list`"), 1)
    assert.deepStrictEqual(labels([code], "an id under `echo/block`"), [])
    assert.deepStrictEqual(labels([source(code.path, 'const a = "echo/block-sig"')], "an id under `echo/block`"), [])
  })

  it("a fault is told with its line, and code after strings and templates is still seen", () => {
    const text = 'const a = "//"\nconst b = `x ${`y ${1}`} z`\n/* a\n b */ const c = Date.now()\nconst d = 1 / 2 / Date.now()\n'
    assert.deepStrictEqual(linesOf(source("src/a.ts", text).code, /Date\.now/), [4, 5])
    assert.strictEqual(source("src/a.ts", text).code.length, text.length)
  })
})
