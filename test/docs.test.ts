/**
 * What the documents claim, checked: code in them is a quotation, links and paths lead somewhere, commands exist, examples print what
 * is printed beside them.
 *
 * Examples run as a user runs them, in a process and an empty folder of their own; `troupe` is resolved to the sources by a condition.
 */

import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Documents from "./tidy/Documents.ts"
import { filesIn, root, source, sourcesIn } from "./tidy/Source.ts"

const read: Documents.Read = (path) => {
  const file = join(root, path)
  if (!existsSync(file)) return null
  return statSync(file).isDirectory() ? "" : readFileSync(file, "utf8")
}
const documents = [
  ...["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].filter((path) => read(path) !== null),
  ...filesIn(["docs", "src", "examples", "bench"], ".md")
].map((path) => ({ path, text: read(path)! }))
const sources = sourcesIn("src", "test", "scripts", "examples", "demo", "bench")
const { scripts } = JSON.parse(read("package.json")!) as { readonly scripts: Record<string, string> }
/** Programs: what no other example imports, and no test is. */
const examples = sources
  .filter((file) => file.path.startsWith("examples/") && !file.path.endsWith(".test.ts"))
  .map((file) => file.path)
  .filter((path) => !sources.some((file) => file.path.startsWith("examples/") && file.imports.some((edge) => edge.path === path)))

const clean = (faults: (document: Documents.Document) => ReadonlyArray<string>) =>
  assert.deepStrictEqual(documents.flatMap(faults), [])

describe("docs: the repository", () => {
  it("was looked at", () => {
    for (const path of ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/format.md", "docs/security.md", "docs/gaps.md"])
      assert.include(
        documents.map((document) => document.path),
        path
      )
    assert.isAtLeast(examples.length, 1, "examples")
    assert.isAtLeast(documents.flatMap((document) => [...document.text.matchAll(/ from=/g)]).length, 1, "quotations")
    assert.isAtLeast(documents.flatMap((document) => [...document.text.matchAll(/\]\(/g)]).length, 10, "links")
  })

  it("code is quoted from files that run, byte for byte", () => clean((document) => Documents.quotations(document, read)))
  it("relative links lead to files and headings", () => clean((document) => Documents.links(document, read)))
  it("paths in backticks are there", () =>
    clean((document) => (document.path === "CHANGELOG.md" ? [] : Documents.paths(document, read))))
  it("scripts of npm that are named exist", () => clean((document) => Documents.commands(document, scripts)))
  it("comments that send one to a document send one to a heading", () => {
    assert.deepStrictEqual(
      sources.flatMap((file) => Documents.references(file, read)),
      []
    )
  })

  it("every rule of the suites for users has a test that carries its number, and the other way about", () => {
    const suites = sources.filter((file) => file.path.startsWith("src/testing/"))
    assert.isAtLeast(Documents.rulesOfSuites(suites).length, 10)
    assert.deepStrictEqual(Documents.rulesTested(suites), Documents.rulesOfSuites(suites))
  })

  it("every limit in the table is one that code keeps, and the other way about", () => {
    const limits = "src/schema/platform/Limits.ts"
    const declared = [...read(limits)!.matchAll(/^export const (\w+)/gm)].map((match) => match[1]!)
    const rows = [...read("docs/format.md")!.matchAll(/^\| `(\w+(?:Max|Bytes|Ways))` \|/gm)].map((match) => match[1]!)
    assert.isAtLeast(declared.length, 30)
    assert.sameMembers(rows, declared)
    const users = sources.filter((file) => file.path.startsWith("src/") && file.path !== limits)
    const isUsed = (name: string) => users.some((file) => new RegExp(`\\b${name}\\b`).test(file.code))
    assert.deepStrictEqual(
      declared.filter((name) => !isUsed(name)),
      []
    )
  })

  it("every promise with a number has a test that carries it, and the other way about", () => {
    const modules = sources.filter((file) => file.path.startsWith("src/") && !file.path.startsWith("src/testing/"))
    const tests = sources.filter((file) => /^test\/.*\.test\.ts$/.test(file.path) && file.path !== "test/docs.test.ts")
    const stated = Documents.rulesStated(modules, documents)
    assert.isAtLeast(stated.length, 10)
    assert.deepStrictEqual(Documents.rulesTested(tests), stated)
  })
})

describe("docs: examples", () => {
  for (const example of examples) {
    it(`${example} prints what stands beside it`, { timeout: 60_000 }, () => {
      const told = read(example.replace(/\.ts$/, ".out"))
      assert.isNotNull(told, `write ${basename(example, ".ts")}.out, what the example prints`)
      const folder = mkdtempSync(join(tmpdir(), "troupe-example-"))
      try {
        const run = spawnSync(process.execPath, ["--conditions=troupe-source", join(root, example)], {
          cwd: folder,
          encoding: "utf8",
          timeout: 50_000
        })
        assert.deepStrictEqual({ status: run.status, stderr: run.stderr }, { status: 0, stderr: "" })
        assert.strictEqual(run.stdout, told)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
})

describe("docs: each check sees a planted fault", () => {
  const files: Record<string, string> = {
    "examples/a.ts": "const a = 1\n// #region inner\n  const b = 2\n\n    const c = 3\n// #endregion\n",
    "docs/other.md": "# Other\n\n## The `way` of [a](b.md) mutation, 2\n\n```sh\n# no heading\n```\n",
    docs: ""
  }
  const inFiles: Documents.Read = (path) => files[path] ?? null
  const document = (text: string): Documents.Document => ({ path: "docs/a.md", text })
  const block = (info: string, text: string) => `\`\`\`${info}\n${text}\`\`\`\n`
  const check = (
    name: string,
    faults: (document: Documents.Document) => ReadonlyArray<string>,
    bad: ReadonlyArray<string>,
    good: ReadonlyArray<string>
  ) => {
    for (const text of bad)
      it(`${name}: refuses ${JSON.stringify(text.slice(0, 70))}`, () => assert.lengthOf(faults(document(text)), 1))
    for (const text of good)
      it(`${name}: accepts ${JSON.stringify(text.slice(0, 70))}`, () => assert.deepStrictEqual(faults(document(text)), []))
  }

  check(
    "quotations",
    (text) => Documents.quotations(text, inFiles),
    [
      block("ts", "const a = 1\n"),
      block("ts from=examples/b.ts", "const a = 1\n"),
      block("ts from=examples/a.ts", "const a = 1\n"),
      block("ts from=examples/a.ts#outer", "const a = 1\n"),
      block("ts from=examples/a.ts#inner", "const b = 2\n")
    ],
    [
      block("sh", "npm test\n"),
      block("ts from=examples/a.ts", files["examples/a.ts"]!),
      block("ts from=examples/a.ts#inner", "const b = 2\n\n  const c = 3\n")
    ]
  )
  check(
    "links",
    (text) => Documents.links(text, inFiles),
    ["[a](b.md)", "[a](other.md#the-way)", "[a](#nowhere)", "[a](other.md#no-heading)", "[a](../src)"],
    [
      "[a](other.md)",
      "[a](other.md#the-way-of-a-mutation-2)",
      "# Here\n[a](#here)",
      "[a](https://example.org)",
      "`[a](b.md)`",
      "[a](../docs)",
      block("md", "[a](b.md)\n")
    ]
  )
  check(
    "paths",
    (text) => Documents.paths(text, inFiles),
    ["see `examples/c.ts`"],
    ["see `examples/a.ts`", "see `docs/other.md#other`", "see `test/<room>/`"]
  )
  check(
    "commands",
    (text) => Documents.commands(text, { test: "" }),
    ["`npm run bench -- a`", "npm start"],
    ["`npm test`", "npm run test", "npm ci"]
  )

  it("references: refuses a heading that is not there, in comments alone", () => {
    const faults = (text: string) => Documents.references(source("src/a.ts", text), inFiles)
    assert.lengthOf(faults("/** Bytes: docs/other.md#nowhere */"), 1)
    assert.lengthOf(faults("// docs/gone.md"), 1)
    assert.deepStrictEqual(faults('/** Bytes: docs/other.md#other */ const a = "docs/gone.md"'), [])
  })

  it("rules: a number without a test, and a test whose number nobody states, differ", () => {
    const suite = source(
      "src/testing/A.ts",
      '/**\n * S1 reads give what was written. S2 nothing is lost.\n */\nit("[S1] reads", run)\nit("[S3] more", run)'
    )
    assert.deepStrictEqual(Documents.rulesOfSuites([suite]), ["S1", "S2"])
    const promise = source("src/layers/echo/A.ts", "/**\n * - [F1] nothing is lost\n */\n// as [F2] says\nconst a = b[F3]")
    assert.deepStrictEqual(Documents.rulesStated([promise], [document("- **G1** kept\n**G2** not a promise\n")]), [
      "F1",
      "F2",
      "G1"
    ])
    assert.deepStrictEqual(Documents.rulesTested([suite]), ["S1", "S3"])
  })
})
