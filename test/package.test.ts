/**
 * What package.json promises, checked without installing anything: entry points, versions, scripts, and that no entry point loads
 * another platform's code. What an install weighs, and that the README's program runs from it, is `npm run package`.
 */

import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { root, type Source, sourcesIn } from "./tidy/Source.ts"

interface Manifest {
  readonly exports: Record<
    string,
    string | { readonly "troupe-source": string; readonly types: string; readonly default: string }
  >
  readonly scripts: Record<string, string>
  readonly bin: Record<string, string>
  readonly files: ReadonlyArray<string>
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
  readonly optionalDependencies?: Record<string, string>
}

const read = (path: string): string => readFileSync(join(root, path), "utf8")
const manifest = JSON.parse(read("package.json")) as Manifest
const lock = JSON.parse(read("package-lock.json")) as { readonly packages: Record<string, Partial<Manifest>> }
const sources = new Map(sourcesIn("src").map((source) => [source.path, source]))

/** Every package that loading a module loads: imports of types alone are erased. */
const packagesLoaded = (entry: string, modules: ReadonlyMap<string, Source>): ReadonlySet<string> => {
  const seen = new Set<string>()
  const loaded = new Set<string>()
  const visit = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const edge of modules.get(path)?.imports ?? []) {
      if (edge.typeOnly || edge.isLazy) continue
      if (edge.path === null) loaded.add(edge.specifier)
      else visit(edge.path)
    }
  }
  visit(entry)
  return loaded
}

const entries = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === "string" ? [] : [{ name, target }]
)
const isPlatform = (specifier: string): boolean => /^node:|^@effect\/platform-|^classic-level$|^ws$/.test(specifier)

describe("package", () => {
  it("has its entry points, each with a source that the build turns into what users load", () => {
    assert.includeMembers(
      entries.map((entry) => entry.name),
      [".", "./node", "./kube", "./testing"]
    )
    for (const { name, target } of entries) {
      assert.isTrue(existsSync(join(root, target["troupe-source"])), `${name}: ${target["troupe-source"]} is not there`)
      const built = target["troupe-source"].replace("./src/", "./dist/")
      assert.strictEqual(target.default, built.replace(/\.ts$/, ".js"))
      assert.strictEqual(target.types, built.replace(/\.ts$/, ".d.ts"))
    }
  })

  it("reaches its own sources by its own name, as the examples do", async () => {
    assert.strictEqual((await import("troupe")).Peer, (await import("../src/index.ts")).Peer)
  })

  it("closes its internals", () => {
    assert.isTrue(Object.keys(manifest.exports).every((name) => !name.includes("*")))
  })

  it("loads no platform with its platform-free entry points", () => {
    for (const entry of ["src/index.ts", "src/testing/index.ts"]) {
      const loaded = packagesLoaded(entry, sources)
      assert.deepStrictEqual([...loaded].filter(isPlatform), [], entry)
      assert.isAtLeast(loaded.size, 3, `${entry} was followed`)
    }
  })

  it("sees a platform behind a planted import", () => {
    const planted = new Map([
      ...sources,
      [
        "src/index.ts",
        {
          path: "src/index.ts",
          text: "",
          code: "",
          comments: "",
          imports: [{ specifier: "./a.ts", path: "src/a.ts", typeOnly: false, isLazy: false, line: 1 }]
        }
      ]
    ])
    const imports = [
      { specifier: "classic-level", path: null, typeOnly: false, isLazy: false, line: 1 },
      { specifier: "node:fs", path: null, typeOnly: true, isLazy: false, line: 2 }
    ]
    planted.set("src/a.ts", { path: "src/a.ts", text: "", code: "", comments: "", imports })
    assert.deepStrictEqual([...packagesLoaded("src/index.ts", planted)], ["classic-level"])
  })

  it("names exact versions, the same as the lock file", () => {
    for (const versions of [manifest.dependencies, manifest.devDependencies])
      for (const [name, version] of Object.entries(versions)) assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name)
    assert.deepStrictEqual(lock.packages[""]!.dependencies, manifest.dependencies)
    assert.deepStrictEqual(lock.packages[""]!.devDependencies, manifest.devDependencies)
  })

  it("locks every optional dependency for every platform, or npm ci refuses the lock file", () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies }]) =>
      Object.keys(optionalDependencies ?? {}).filter(
        (name) => !lock.packages[`${path}/node_modules/${name}`] && !lock.packages[`node_modules/${name}`]
      )
    )
    assert.deepStrictEqual(missing, [])
  })

  it("has the commands, and what they run is there", () => {
    assert.includeMembers(Object.keys(manifest.scripts), [
      "start",
      "demo",
      "test",
      "check",
      "bench",
      "vectors",
      "troupe",
      "build",
      "package"
    ])
    assert.strictEqual(manifest.scripts["start"], manifest.scripts["demo"])
    const files = Object.values(manifest.scripts).flatMap((script) =>
      [...script.matchAll(/\bnode (\S+\.ts)/g)].map((match) => match[1]!)
    )
    assert.isAtLeast(files.length, 5)
    assert.deepStrictEqual(
      files.filter((file) => !existsSync(join(root, file))),
      []
    )
  })

  it("has a bin that a shell can start", () => {
    const main = manifest.bin["troupe"]!.replace("dist/", "src/").replace(/\.js$/, ".ts")
    assert.isTrue(read(main).startsWith("#!/usr/bin/env node\n"), `${main} begins with #!/usr/bin/env node`)
  })

  it("ships what its maps and documents lead to", () => {
    for (const path of manifest.files.filter((file) => file !== "dist")) assert.isTrue(existsSync(join(root, path)), path)
  })
})
