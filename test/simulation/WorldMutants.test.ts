/**
 * The list of planted bugs: each is a small edit of source that is there, and all the mistakes are among them that have to be.
 */
import * as fs from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { mutants } from "./mutants/index.ts"
import { changedLines, kinds, otherKinds, planted } from "./mutants/Mutant.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const sourceOf = (file: string): string => fs.readFileSync(path.join(root, file), "utf8")

describe("Planted bugs", () => {
  it("are at least twenty, each with a name of its own", () => {
    assert.isAtLeast(mutants.length, 20)
    assert.lengthOf(new Set(mutants.map(({ name }) => name)), mutants.length)
  })

  it("cover every kind of mistake that has to be among them, and name none that is not in the list", () => {
    const there = new Set<string>(mutants.map(({ kind }) => kind))
    const missing = [...kinds, ...otherKinds].filter((kind) => !there.has(kind))
    assert.lengthOf(kinds, 18)
    assert.deepStrictEqual(missing, [])
  })

  it.each(mutants)("$name: stands in real source, is small, and can be read", (mutant) => {
    const { edits, file, says, seen, unitTests } = mutant
    const source = sourceOf(file)
    for (const { from, to } of edits) {
      assert.lengthOf(source.split(from), 2, `how often "${from}" stands in ${file}, and one`)
      assert.notStrictEqual(from, to)
    }
    const lines = edits.reduce((sum, edit) => sum + changedLines(edit), 0)
    assert.isAtLeast(lines, 1)
    assert.isAtMost(lines, 10)
    const [whole, faulty] = [source, planted(source, mutant)].map((text) => stripTypeScriptTypes(text))
    assert.notStrictEqual(faulty, whole)
    for (const sentence of [says, seen]) assert.match(sentence, /^[A-Z].*\.$/)
    assert.isNotEmpty(unitTests)
    for (const tests of unitTests) assert.isTrue(fs.existsSync(path.join(root, tests)), `${tests} is there`)
  })

  it("tell when what they change is not there, or there twice, and count the lines that they change", () => {
    const [first] = mutants
    const twice = { ...first!, edits: [{ from: "b", to: "d" }] }
    assert.strictEqual(planted("abc", twice), "adc")
    assert.throws(() => planted("ac", twice), /0 times/)
    assert.throws(() => planted("abcb", twice), /2 times/)
    assert.throws(() => stripTypeScriptTypes("const = 1"))
    assert.strictEqual(changedLines({ from: "a\nb\nc", to: "a\nc" }), 1)
    assert.strictEqual(changedLines({ from: "a\nb\nc", to: "a\nd\ne\nc" }), 2)
    assert.strictEqual(changedLines({ from: "a\n", to: "" }), 1)
  })
})
