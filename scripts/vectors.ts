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
import { equalBytes } from "../src/schema/platform/Codec.ts"
import type { Crypto } from "../src/services/platform/Crypto.ts"
import { type Ed25519Vector, readSignInput, readSpeccheck, readWycheproof } from "./Ed25519Vectors.ts"

const kinds: ReadonlyMap<string, (text: string) => ReadonlyArray<Ed25519Vector>> = new Map([
  ["ed25519", readSignInput],
  ["speccheck", readSpeccheck],
  ["wycheproof-ed25519", readWycheproof]
])

/** The layers that must agree. */
export const cryptoLayers: ReadonlyArray<readonly [name: string, crypto: Crypto["Service"]]> = [
  ["node", CryptoNode.make()],
  ["noble", CryptoNoble.make()]
]

/** The names of the vectors that this layer judges or signs otherwise than they say. */
export const failing = Effect.fnUntraced(function* (crypto: Crypto["Service"], vectors: ReadonlyArray<Ed25519Vector>) {
  const verdicts = yield* crypto.verify(vectors)
  const failed: Array<string> = []
  for (const [i, vector] of vectors.entries()) {
    const { message, publicKey, secretKey, signature } = vector
    const isSigned = secretKey === null || equalBytes(yield* crypto.sign({ publicKey, secretKey }, message), signature)
    if (verdicts[i] !== vector.isValid || !isSigned) failed.push(vector.name)
  }
  return failed
})

const usage = `To run published vectors: npm run vectors -- KIND FILE [--json]
KIND is one of ${[...kinds.keys()].join(", ")}; FILE is the file as it was published.
For example: npm run vectors -- ed25519 ../shared/vectors/ed25519/sign-input-1024.txt`

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

  let vectors: ReadonlyArray<Ed25519Vector>
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
