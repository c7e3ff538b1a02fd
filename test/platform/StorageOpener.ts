/**
 * A program that opens the LevelDB folder of its first argument as somebody else would, and prints what it was answered, as JSON.
 *
 * Its second argument says how: `hold` keeps it open until it is killed; `as UID` opens it as that user; `fill` writes until a batch
 * is refused (whoever starts it sets a limit), reads what is there, makes room if it was told to keep some, and writes on.
 */

import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import { Storage } from "../../src/services/platform/Storage.ts"

const [folder = "", how = "", number = "0"] = process.argv.slice(2)
const print = (answer: object) => fs.writeSync(1, `${JSON.stringify(answer)}\n`)

/** A batch of 20,000 bytes. To fill a disk they do not compress; under a limit on files they do, so that a table has room for a log. */
const batch = (n: number) => {
  const value = new Uint8Array(20_000).fill(n)
  return [{ key: Uint8Array.of(0x70, n >>> 8, n), value: number === "0" ? value : crypto.getRandomValues(value) }]
}

const fill = Effect.gen(function* () {
  const ballast = path.join(folder, "ballast")
  if (number !== "0") fs.writeFileSync(ballast, new Uint8Array(Number(number)))
  const storage = yield* Storage
  const entries = Effect.map(
    storage.range({ from: Uint8Array.of(0x70), to: Uint8Array.of(0x71), limit: 100_000 }),
    (page) => page.length
  )
  let written = 0
  while (written < 10_000) {
    const result = yield* Effect.result(storage.write(batch(written), { durability: "strict" }))
    if (result._tag === "Failure") {
      print({ written, found: yield* entries, tag: result.failure._tag, message: result.failure.message })
      break
    }
    written++
  }
  fs.rmSync(ballast, { force: true })
  yield* storage.write([{ key: Uint8Array.of(0x70, 0xff), value: Uint8Array.of(1) }], { durability: "strict" })
  print({ written, found: yield* entries })
})

if (how === "as") {
  process.setgid?.(Number(number))
  process.setuid?.(Number(number))
}
const hold = Effect.sync(() => {
  print({ pid: process.pid })
  setInterval(() => {}, 1_000_000)
})
const use = how === "hold" ? Effect.andThen(hold, Effect.never) : how === "fill" ? fill : Storage
const ended = await Effect.runPromise(Effect.result(Effect.provide(use, StorageLevel.layer({ folder }))))
if (ended._tag === "Failure") print({ tag: ended.failure._tag, message: ended.failure.message })
