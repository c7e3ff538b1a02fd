/**
 * `node scripts/screenshots.ts`: pictures of two reports of failed simulations, in light and in dark, for docs/images.
 *
 * It needs Chromium, whose name or path may be given as CHROMIUM, and pngquant, since a picture of a repository has to be small.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { diagram, type Report } from "../src/schema/simulation/Diagram.ts"
import { busy, shrunk } from "../test/simulation/reports.ts"

const bytesMax = 250_000
const images = resolve(import.meta.dirname, "../docs/images")

const run = (command: string, ...args: ReadonlyArray<string>): void => {
  const { error, status, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 120_000 })
  if (status !== 0) throw new Error(`${command} ended with ${error?.message ?? status}: install it, or name it.\n${stderr ?? ""}`)
}

const shoot = (folder: string, name: string, report: Report, width: number): void => {
  const page = join(folder, `${name}.html`)
  const html = diagram(report)
  writeFileSync(page, html)
  // the drawing says how tall it is; what is above and below it takes about as much in each report
  const height =
    Math.ceil(Number(/class="drawing" width="[\d.]+" height="([\d.]+)"/.exec(html)?.[1])) + (report.plan.length > 8 ? 750 : 570)
  for (const [theme, scheme] of [
    ["dark", 0],
    ["light", 1]
  ] as const) {
    const raw = join(folder, `${name}-${theme}.png`)
    const image = join(images, `diagram-${name}-${theme}.png`)
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--hide-scrollbars",
      `--blink-settings=preferredColorScheme=${scheme}`
    ]
    run(
      process.env["CHROMIUM"] ?? "chromium",
      ...flags,
      `--window-size=${width},${height}`,
      `--screenshot=${raw}`,
      pathToFileURL(page).href
    )
    run("pngquant", "--force", "--strip", "--output", image, "24", raw)
    const { size } = statSync(image)
    process.stdout.write(`${image}: ${size} bytes\n`)
    if (size > bytesMax) throw new Error(`${image} has ${size} bytes, and ${bytesMax} is the limit.`)
  }
}

const folder = mkdtempSync(join(tmpdir(), "troupe-screenshots-"))
try {
  mkdirSync(images, { recursive: true })
  shoot(folder, "3-peers", shrunk(), 1200)
  shoot(folder, "5-peers", busy(5), 1400)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
