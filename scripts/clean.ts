/** Empties dist/ before a build, so that a module that was renamed does not stay in the package under its old name. */
import { rmSync } from "node:fs"
import { resolve } from "node:path"

rmSync(resolve(import.meta.dirname, "..", "dist"), { recursive: true, force: true })
