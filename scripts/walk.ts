/**
 * `npm run walk`: goes the way that docs/simulation.md describes. Each ```console block there holds commands, after `$ `, and what they
 * print; they are run in a copy of the repository, in their order, and must print that, byte for byte. What differs from run to run is
 * left out of both: real durations, the seed of Vitest's order, rulers, and tests that hold, which are named only when they are slow.
 *
 * With --write the document is given what is printed, and its picture is taken of the diagram (by Chromium and pngquant).
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"

const root = resolve(import.meta.dirname, "..")
const document = join(root, "docs/simulation.md")
const picture = join(root, "docs/images/shopping-list.png")
const isWriting = process.argv.includes("--write")

/** A copy with nothing in it that earlier runs have left, such as the plans of failures. */
const copy = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-walk-"))
  for (const path of ["package.json", "vitest.config.ts", "src", "examples"])
    cpSync(join(root, path), join(folder, path), { recursive: true })
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  return folder
}

const left = /^ RUN |Running tests with seed|^ +(Start at|Duration) |^⎯*(\[\d+\/\d+\]⎯*)?$|Failed Tests|^ {3}✓ /

const printed = (command: string, folder: string): string => {
  // Vitest prints otherwise for machines that it takes for a robot's
  const { HOME, PATH } = process.env
  const options = { cwd: folder, encoding: "utf8", timeout: 300_000, env: { HOME, PATH, NO_COLOR: "1" } } as const
  const { error, stdout } = spawnSync("bash", ["-c", `exec 2>&1; ${command}`], options)
  if (error !== undefined) throw error
  const lines = stdout.split("\n").filter((line) => !left.test(line))
  return lines.map((line) => `${line.replace(/ \d+ms$/, "")}\n`).join("")
}

const walked = (text: string, folder: string): string =>
  text.replace(/^```console\n([\s\S]*?)^```$/gm, (_, block: string) => {
    const commands = block.split("\n").filter((line) => line.startsWith("$ "))
    const shown = commands.map((line) => `${line}\n${printed(line.slice(2), folder)}`)
    return `\`\`\`console\n${shown.join("")}\`\`\``
  })

const run = (command: string, ...args: ReadonlyArray<string>): void => {
  const { error, status, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 120_000 })
  if (status !== 0) throw new Error(`${command} ended with ${error?.message ?? status}: install it.\n${stderr ?? ""}`)
}

/** The diagram of the failure as it was found first, by the first command of the document. */
const shoot = (): void => {
  const folder = copy()
  const [first] = /(?<=^\$ ).+$/m.exec(readFileSync(document, "utf8"))!
  printed(first, folder)
  const page = join(folder, ".troupe", readdirSync(join(folder, ".troupe")).find((name) => name.endsWith(".html"))!)
  const raw = join(folder, "raw.png")
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=2"]
  const size = "--window-size=920,1290"
  run(process.env["CHROMIUM"] ?? "chromium", ...flags, size, `--screenshot=${raw}`, pathToFileURL(page).href)
  run("pngquant", "--force", "--strip", "--output", picture, "24", raw)
  rmSync(folder, { recursive: true })
}

const folder = copy()
try {
  const text = readFileSync(document, "utf8")
  const real = walked(text, folder)
  if (isWriting) {
    writeFileSync(document, real)
    shoot()
  } else if (real !== text) {
    const [said, found] = [text.split("\n"), real.split("\n")]
    const at = found.findIndex((line, n) => line !== said[n])
    console.error(
      `docs/simulation.md:${at + 1} is not what is printed. It says\n${said[at]}\nand what is printed is\n${found[at]}`
    )
    console.error("Run `npm run walk -- --write`, and read what has changed.")
    process.exitCode = 1
  } else console.log("docs/simulation.md: every command prints what stands there.")
} finally {
  rmSync(folder, { recursive: true, force: true })
}
