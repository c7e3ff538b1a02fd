/**
 * `npm run vectors -- KIND FILE [--json]`: a file of published vectors through Troupe's own functions, on every layer that has them.
 *
 * Exit 0: all passed. 1: some did not. 2: called wrongly, or the file is not one of that kind.
 */

import * as fs from "node:fs"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as CryptoNoble from "../src/layers/platform/CryptoNoble.ts"
import * as CryptoNode from "../src/layers/platform/CryptoNode.ts"
import type { Crypto } from "../src/services/platform/Crypto.ts"
import { asVectors, readSignInput, readSpeccheck } from "./Ed25519Vectors.ts"
import { readBip39, readSlip10 } from "./RecoveryVectors.ts"
import type { Vector } from "./Vector.ts"
import { readFile } from "./WycheproofVectors.ts"

/** What reads a file of each kind. */
export const kinds: ReadonlyMap<string, (text: string) => ReadonlyArray<Vector>> = new Map([
  ["bip39", readBip39],
  ["slip-0010", readSlip10],
  ["ed25519", (text: string) => asVectors(text.trimStart().startsWith("[") ? readSpeccheck(text) : readSignInput(text))],
  ["speccheck", (text: string) => asVectors(readSpeccheck(text))],
  ["wycheproof", readFile]
])

/** The layers that must agree. */
export const cryptoLayers: ReadonlyArray<readonly [name: string, crypto: Crypto["Service"]]> = [
  ["node", CryptoNode.make()],
  ["noble", CryptoNoble.make()]
]

/** The names of the vectors that this layer answers otherwise than they say. */
export const failing = (crypto: Crypto["Service"], vectors: ReadonlyArray<Vector>) =>
  Effect.map(
    Effect.filter(vectors, ({ holds }) => Effect.map(holds(crypto), (isHeld) => !isHeld)),
    (wrong) => wrong.map(({ name }) => name)
  )

const usage = `To run published vectors: npm run vectors -- KIND FILE [--json]
KIND is one of ${[...kinds.keys()].join(", ")}; FILE is the file as it was published.
For example: npm run vectors -- wycheproof ../shared/vectors/wycheproof/x25519_test.json`

const main = async (words: ReadonlyArray<string>): Promise<number> => {
  const isJson = words.includes("--json")
  const [kind, file, ...more] = words.filter((word) => word !== "--json")
  const refuse = (why: string) => {
    console.error(`${why}\n\n${usage}`)
    return 2
  }
  if (kind === undefined || file === undefined) return refuse("A kind and a file are needed.")
  const unknown = [kind, file, ...more].find((word) => word.startsWith("-")) ?? more[0]
  if (unknown !== undefined) return refuse(`"${unknown}" is not understood here.`)
  const read = kinds.get(kind)
  if (read === undefined) return refuse(`"${kind}" is no kind of vectors.`)

  let vectors: ReadonlyArray<Vector>
  try {
    vectors = read(fs.readFileSync(file, "utf8"))
  } catch (cause) {
    return refuse(`${file} cannot be read as ${kind}: ${cause instanceof Error ? cause.message : String(cause)}.`)
  }
  if (vectors.length === 0) return refuse(`${file} holds no vectors of kind ${kind}.`)

  const say = isJson ? console.error : console.log
  const failed: Array<string> = []
  const failedVectors = new Set<string>()
  for (const [name, crypto] of cryptoLayers) {
    const wrong = await Effect.runPromise(failing(crypto, vectors))
    say(`${kind} on ${name}: ${vectors.length - wrong.length} of ${vectors.length} passed`)
    for (const each of wrong) {
      say(`  failed: ${each}`)
      failed.push(`${name}: ${each}`)
      failedVectors.add(each)
    }
  }
  const passed = vectors.length - failedVectors.size
  if (isJson) console.log(JSON.stringify({ kind, vectors: vectors.length, passed, failed }))
  return failed.length === 0 ? 0 : 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await main(process.argv.slice(2))
