/**
 * The storage of plain files on a real disk: write, close, open again; and what is left when the end of the log is torn off.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Storage } from "troupe"
import * as PlainFiles from "./PlainFiles.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const put = (key: string, value: string) => ({ key: bytes(key), value: bytes(value) })

// #region program
const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped()
  const open = <A, E>(use: Effect.Effect<A, E, Storage>) => Effect.provide(use, PlainFiles.layer(folder), { local: true })

  const write = Storage.use((storage) =>
    Effect.andThen(
      storage.write([put("milk", "1 l"), put("bread", "2")], { durability: "strict" }),
      storage.write([put("eggs", "12"), { key: bytes("milk"), value: null }], { durability: "relaxed" })
    )
  )
  const show = Storage.use((storage) =>
    Effect.map(storage.range({ from: bytes("a"), to: bytes("z"), limit: 10 }), (page) =>
      page.map(({ key, value }) => `${new TextDecoder().decode(key)}: ${new TextDecoder().decode(value)}`).join(", ")
    )
  )
  yield* open(write)
  const { size } = yield* files.stat(`${folder}/log`)
  const before = yield* files.readFile(`${folder}/log`)
  yield* Console.log(yield* open(show))

  yield* files.writeFile(`${folder}/log`, before.subarray(0, Number(size) - 1))
  yield* Console.log(`torn: ${yield* open(show)}`)
})
// #endregion program

await Effect.runPromise(Effect.provide(Effect.scoped(program), NodeServices.layer))
