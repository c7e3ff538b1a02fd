#!/usr/bin/env node
/**
 * The bin: looks at Node's version before anything loads that an older Node cannot parse, then hands over to program.ts.
 *
 * It may use no syntax younger than `import()`, and imports nothing statically.
 */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)

if (major > 22 || (major === 22 && minor >= 19)) {
  const { main } = await import("./program.ts")
  main(process.argv.slice(2))
} else {
  console.error(
    `troupe needs Node 22.19 or later, and this is Node ${process.versions.node}. ` +
      "Update Node, or add a newer one to the project: npm install node@24"
  )
  process.exitCode = 1
}
