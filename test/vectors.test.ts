/**
 * `npm run vectors`: what it prints, what it exits with, and what it says when it is called wrongly.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { hasVectors, vectorPath } from "./vectors.ts"

const script = fileURLToPath(new URL("../scripts/vectors.ts", import.meta.url))

const run = (...words: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [script, ...words], { encoding: "utf8" })
  return { status, stderr, stdout, last: stdout.trimEnd().split("\n").at(-1) ?? "" }
}

describe("npm run vectors", () => {
  it.skipIf(!hasVectors)("passes the published files, and prints one JSON object as its last line", () => {
    for (const [kind, file, vectors] of [
      ["speccheck", "ed25519-speccheck/cases.json", 12],
      ["ed25519", "ed25519/edge-cases.json", 12],
      ["ed25519", "ed25519/sign-input-1024.txt", 1_024],
      ["wycheproof", "wycheproof/ed25519_test.json", 151]
    ] as const) {
      const { last, status, stdout } = run(kind, vectorPath(file), "--json")
      assert.strictEqual(status, 0)
      assert.deepStrictEqual(JSON.parse(last), { kind, vectors, passed: vectors, failed: [] })
      assert.lengthOf(stdout.trimEnd().split("\n"), 1)
    }
    const { status, stdout } = run("speccheck", vectorPath("ed25519-speccheck/cases.json"))
    assert.strictEqual(status, 0)
    assert.strictEqual(stdout, "speccheck on node: 12 of 12 passed\nspeccheck on noble: 12 of 12 passed\n")
  })

  it("exits 1 and names the vectors that did not pass", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-vectors-"))
    try {
      // RFC 8032, 7.1, test 1, and the same with one digit of the signature changed
      const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
      const key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
      const rest =
        "5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
      const file = path.join(folder, "two.txt")
      fs.writeFileSync(file, `${seed}${key}:${key}::e${rest}:\n${seed}${key}:${key}::f${rest}:\n`)
      const { last, status } = run("ed25519", file, "--json")
      assert.strictEqual(status, 1)
      assert.deepStrictEqual(JSON.parse(last), {
        kind: "ed25519",
        vectors: 2,
        passed: 1,
        failed: ["node: line 2", "noble: line 2"]
      })
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })

  it("exits 2 and says how to call it when it is called wrongly", () => {
    const wrong: ReadonlyArray<readonly [words: ReadonlyArray<string>, why: RegExp]> = [
      [[], /A kind and a file are needed/],
      [["speccheck"], /A kind and a file are needed/],
      [["sha1", script], /"sha1" is no kind of vectors/],
      [["speccheck", "/nowhere/cases.json"], /cannot be read as speccheck: ENOENT/],
      [["speccheck", script], /cannot be read as speccheck/],
      [["ed25519", script], /is not hexadecimal/],
      [["speccheck", script, "more"], /"more" is not understood/],
      [["speccheck", script, "--loud"], /"--loud" is not understood/]
    ]
    for (const [words, why] of wrong) {
      const { status, stderr, stdout } = run(...words)
      assert.strictEqual(status, 2, words.join(" "))
      assert.match(stderr, why)
      assert.match(stderr, /To run published vectors: npm run vectors -- KIND FILE/)
      assert.strictEqual(stdout, "")
    }
  })
})
