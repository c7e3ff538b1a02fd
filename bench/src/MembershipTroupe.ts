/**
 * Judges the operations of a file, whose signatures were verified: all at once, one by one, and then some more, each by itself.
 */
import * as fs from "node:fs"
import * as Result from "effect/Result"
import { Membership } from "../../src/schema/halo/Membership.ts"
import { type DecodedOperation, decodeOperation } from "../../src/schema/halo/OperationCodec.ts"
import { Reader } from "../../src/schema/platform/Codec.ts"
import { hash } from "../../test/halo/People.ts"
import { heap } from "./ActorsWork.ts"
import { digesting } from "./FeedsWork.ts"

export interface Asked {
  /** `[space, [operation...], [kind, operation...]...]`. */
  readonly file: string
}

/** What one more operation took, and how many members it let in or put out. */
export interface OneMore {
  readonly seconds: number
  /** The first time in the process, by code that is not compiled yet. */
  readonly first: number
  readonly members: number
}

export interface Measured {
  readonly decoding: number
  readonly atOnce: number
  readonly oneByOne: number
  readonly more: ReadonlyArray<OneMore>
  readonly standings: { readonly [standing: string]: number }
  readonly digest: string
}

const now = (): number => performance.now() / 1_000

/** What is said of all: of each operation how it stands, and who is in. */
const digestOf = (membership: Membership, operations: ReadonlyArray<DecodedOperation>): string => {
  const digest = digesting()
  const told = [operations.map(({ operation }) => membership.standing(operation.id)), membership.members()]
  digest.add(new TextEncoder().encode(JSON.stringify(told)))
  return digest.end()
}

const readList = (from: Reader): ReadonlyArray<Uint8Array> =>
  Array.from({ length: from.array(100_000) }, () => from.bytes(2 ** 20))

const { file } = JSON.parse(process.argv[2] ?? "{}") as Asked
const from = new Reader(new Uint8Array(fs.readFileSync(file)))
from.tuple(3)
const space = from.fixed(32)
const [stored, another] = [readList(from), readList(from)]
const decoded = (bytes: Uint8Array): DecodedOperation => Result.getOrThrow(decodeOperation(bytes, space, hash))

let start = now()
const operations = stored.map(decoded)
const decoding = now() - start

start = now()
const membership = new Membership()
membership.add(operations.map(({ operation }) => operation))
const atOnce = now() - start
const digest = digestOf(membership, operations)

start = now()
const single = new Membership()
for (const { operation } of operations) single.add([operation])
const oneByOne = now() - start
if (digestOf(single, operations) !== digest) throw new Error("one by one it came to another answer")

const standings: Record<string, number> = {}
for (const { operation } of operations) {
  const standing = membership.standing(operation.id)
  standings[standing] = (standings[standing] ?? 0) + 1
}

/** What one more takes: as a store judges it, and as who shows the members sees it. */
const taken = (to: Membership, operation: DecodedOperation["operation"]) => {
  const before = to.members().length
  const start = now()
  const isTaken = to.isWithinRight(operation)
  to.add([operation])
  const members = to.members().length
  const seconds = now() - start
  if (!isTaken || to.standing(operation.id) !== "valid") throw new Error(`one more ${operation.deed.type} does not stand`)
  return { seconds, members: members - before }
}
const others = another.map((bytes) => decoded(bytes).operation)
// garbage of all that was read and judged before is not on this account
heap()
const firsts = others.map((operation) => taken(single, operation).seconds)
const more = others.map((operation, at): OneMore => ({ ...taken(membership, operation), first: firsts[at]! }))

const measured: Measured = { decoding, atOnce, oneByOne, more, standings, digest }
fs.writeSync(1, `${JSON.stringify(measured)}\n`)
