/**
 * The second opinion on what blocks say: envelopes, contents, and the order in which contents may be merged.
 *
 * Naive and written from docs/format.md alone, sharing nothing with src/. A block may hold what a newer version wrote and nonsense at
 * once; then either may be met first, so both are told.
 */
import { compare, depthOf, type Node, read } from "./cbor.ts"
import { bytesOf, hex, listOf, uint } from "./verifier.ts"

export interface Plain {
  readonly firstCounter: number
  readonly feeds: ReadonlyArray<Uint8Array>
  /** The last counter of the block. */
  readonly last: number
  /** Of each change set what it waits for. */
  readonly deps: ReadonlyArray<{ readonly feed: string; readonly counter: number }>
}

/** What may be said of a block: that a newer version wrote it, that it is nonsense, or what it holds when neither. */
export interface Judged {
  isUnknown: boolean
  nonsense: string | null
  plain: Plain | null
}

const greatest = Number.MAX_SAFE_INTEGER

class Judge implements Judged {
  isUnknown = false
  nonsense: string | null = null
  plain: Plain | null = null

  wrong(reason: string): void {
    this.nonsense ??= reason
  }

  check(holds: boolean, reason: string): boolean {
    if (!holds) this.wrong(reason)
    return holds
  }
}

/** A block as a peer sends it. */
export const judgeBlock = (block: Uint8Array): Judged => {
  const judge = new Judge()
  const { fault, node } = read(block)
  const items = listOf(node ?? undefined)
  if (fault !== null) judge.wrong(`the envelope is no DC1: ${fault}`)
  const [version, suite] = [uint(items?.[0]), uint(items?.[1])]
  if (items === null || version === null) judge.wrong("no envelope")
  else if (version !== 0) judge.isUnknown = true
  else if (suite !== null && suite !== 0) judge.isUnknown = true
  else judgeEnvelope(items, judge)
  return judge
}

const judgeEnvelope = (items: ReadonlyArray<Node>, judge: Judge) => {
  const isZero = (bytes: Uint8Array | null): boolean => bytes?.every((byte) => byte === 0) === true
  const content = items[4]
  judge.check(items.length === 5 && uint(items[1]) === 0, "an envelope of another shape")
  judge.check(isZero(bytesOf(items[2], 16)) && isZero(bytesOf(items[3], 24)), "unsealed, with a key or a nonce")
  if (content?.kind !== "bytes") return judge.wrong("no content")
  judgeContent(content.bytes, judge)
}

/** The content of a block by itself. */
export const judgePlain = (content: Uint8Array): Judged => {
  const judge = new Judge()
  judgeContent(content, judge)
  return judge
}

const judgeContent = (content: Uint8Array, judge: Judge) => {
  judge.check(content.length <= 262_144, "content too large")
  const { fault, node } = read(content, null)
  if (fault !== null) judge.wrong(`the content is no DC1: ${fault}`)
  const items = listOf(node ?? undefined)
  const version = uint(items?.[0])
  if (items === null || version === null) return judge.wrong("no content")
  if (version !== 0) {
    judge.isUnknown = true
    return
  }
  judge.check(items.length === 5, "content of another shape")
  const first = uint(items[1])
  judge.check(first !== null && first >= 1, "counters start at 1")
  judge.check(listOf(items[2])?.length === 0, "control heads")
  const feeds = (listOf(items[3]) ?? []).map((item) => bytesOf(item, 32) ?? new Uint8Array())
  const isSorted = feeds.every((feed, i) => feed.length === 32 && (i === 0 || compare(feeds[i - 1]!, feed) < 0))
  judge.check(listOf(items[3]) !== null && feeds.length <= 1_024 && isSorted, "the table of feeds")
  const cited = new Set<number>()
  const sets = (listOf(items[4]) ?? []).map((item) => judgeChangeSet(item, feeds, cited, judge))
  judge.check(sets.length >= 1 && sets.length <= 4_096, "the number of change sets")
  cited.delete(0)
  judge.check(
    cited.size === feeds.length && [...cited].every((feed) => feed <= feeds.length),
    "a table that is not what is cited"
  )
  const last = (first ?? 0) + sets.reduce((sum, { mutations }) => sum + mutations, 0) - 1
  judge.check(last < greatest, "counters beyond 2^53−2")
  if (judge.nonsense !== null || judge.isUnknown) return
  judge.plain = { firstCounter: first!, feeds, last, deps: sets.flatMap(({ deps }) => deps) }
}

type Deps = ReadonlyArray<{ readonly feed: string; readonly counter: number }>

const judgeChangeSet = (
  node: Node,
  feeds: ReadonlyArray<Uint8Array>,
  cited: Set<number>,
  judge: Judge
): { readonly mutations: number; readonly deps: Deps } => {
  const items = listOf(node)
  if (items === null) {
    judge.wrong("no change set")
    return { mutations: 0, deps: [] }
  }
  judge.check(items.length === 3 && uint(items[0]) !== null, "a change set of another shape")
  const deps = judgeDeps(items[1], feeds, cited, judge)
  const mutations = listOf(items[2]) ?? []
  judge.check(mutations.length >= 1 && mutations.length <= 10_000, "the number of mutations")
  for (const mutation of mutations) judgeMutation(mutation, cited, judge)
  return { mutations: mutations.length, deps }
}

const judgeDeps = (node: Node | undefined, feeds: ReadonlyArray<Uint8Array>, cited: Set<number>, judge: Judge): Deps => {
  if (node?.kind === "null") return []
  const list = listOf(node) ?? []
  judge.check(list.length >= 1 && list.length <= 1_024, "the number of dependencies")
  let before = 0
  return list.map((item) => {
    const dep = listOf(item)
    const [feed, length, counter] = [uint(dep?.[0]), uint(dep?.[1]), uint(dep?.[2])]
    const isWhole = dep?.length === 4 && length !== null && length >= 1 && bytesOf(dep[3], 16) !== null
    const isNamed = feed !== null && feed > before && counter !== null && counter >= 1
    judge.check(isWhole && isNamed, "a dependency of another shape, or out of order")
    before = feed ?? before
    if (feed !== null) cited.add(feed)
    return { feed: hex(feeds[(feed ?? 0) - 1] ?? new Uint8Array()), counter: counter ?? 0 }
  })
}

const isTextOf = (node: Node | undefined, least: number, most: number): boolean =>
  node?.kind === "text" && node.end - node.head >= least && node.end - node.head <= most

const isKey = (node: Node | undefined): boolean =>
  node?.kind === "text" && isTextOf(node, 0, 256) && !["__proto__", "constructor", "prototype"].includes(node.text)

const judgeMutation = (node: Node, cited: Set<number>, judge: Judge) => {
  const items = listOf(node) ?? []
  const op = uint(items[0])
  if (op === null) return judge.wrong("no mutation")
  const sizes = new Map([
    [0, 5],
    [2, 3],
    [3, 4],
    [4, 3]
  ])
  const size = sizes.get(op)
  if (size === undefined) {
    judge.isUnknown = true
    return
  }
  judge.check(items.length === size, "a mutation of another shape")
  if (op === 0) return judgeCreate(items, judge)
  judgeDot(items[1], cited, judge)
  if (op === 2) {
    judge.check(items[2]?.kind === "bool", "a life of another shape")
    return
  }
  const path = listOf(items[2]) ?? []
  judge.check(path.length >= 1 && path.length <= 16 && path.every(isKey), "a path of another shape")
  if (op === 3) judgeValue(items[3], cited, judge)
}

const judgeCreate = (items: ReadonlyArray<Node>, judge: Judge): void => {
  const parent = items[3]
  if (parent !== undefined && parent.kind !== "null") {
    if (judge.check(depthOf(parent) <= 16, "a parent too deep")) judge.isUnknown = true
  }
  const position = items[4]
  judge.check(isTextOf(items[1], 1, 256) && uint(items[2]) !== null, "a create of another shape")
  const isPlaced = position?.kind === "bytes" && position.bytes.length >= 1 && position.bytes.length <= 64
  judge.check(isPlaced, "a position of another shape")
}

/** [feedIdx, counter] among the items from `at` on. */
const judgeDot = (node: Node | undefined, cited: Set<number>, judge: Judge, at = 0): void => {
  const items = listOf(node) ?? []
  const feed = uint(items[at])
  judge.check(items.length === at + 2 && feed !== null && uint(items[at + 1]) !== null, "a dot of another shape")
  if (feed !== null) cited.add(feed)
}

const judgeValue = (node: Node | undefined, cited: Set<number>, judge: Judge) => {
  if (node === undefined) return judge.wrong("no value")
  judge.check(node.end - node.start <= 65_536, "a value too large")
  judge.check(valueDepth(node) <= 16, "a value too deep")
  judgeWithin(node, cited, judge)
}

/** A reference is a leaf; all other arrays and maps are levels. */
const valueDepth = (node: Node): number => {
  if (node.kind !== "array" && node.kind !== "map") return 0
  if (node.kind === "array" && uint(node.items[0]) === 1) return 0
  return 1 + node.items.reduce((most, item) => Math.max(most, valueDepth(item)), 0)
}

const judgeWithin = (node: Node, cited: Set<number>, judge: Judge) => {
  if (node.kind === "map") {
    node.items.forEach((item, i) => {
      if (i % 2 === 0) judge.check(isKey(item), "a key of another shape")
      else judgeWithin(item, cited, judge)
    })
  }
  if (node.kind !== "array") return
  const code = uint(node.items[0])
  if (code === null) return judge.wrong("an array value without its code")
  if (code === 0) for (const item of node.items.slice(1)) judgeWithin(item, cited, judge)
  else if (code === 1) judgeDot(node, cited, judge, 1)
  else judge.isUnknown = true
}

// Delivery ------------------------------------------------------------------------------------------------------------------------

/** How far a feed gets, by the rules told in docs/format.md#delivery. */
export interface Progress {
  length: number
  counter: number
  flags: number
  stuck: "deps" | "version" | null
}

/** A feed as it is stored, and where a fork froze it. */
export interface Stored {
  readonly blocks: ReadonlyArray<Uint8Array>
  readonly frozenAt: number | null
}

/** How far every feed gets when all these blocks have come, in whichever order. `isStopped` says where the product stopped. */
export const deliver = (
  feeds: ReadonlyMap<string, Stored>,
  isStopped: (feed: string, index: number) => boolean
): ReadonlyMap<string, Progress> => {
  const all = new Map<string, Progress>([...feeds.keys()].map((feed) => [feed, { length: 0, counter: 0, flags: 0, stuck: null }]))
  const isApplied = (feed: string, counter: number): boolean => {
    const { counter: last, length } = all.get(feed) ?? { counter: 0, length: 0 }
    const frozenAt = feeds.get(feed)?.frozenAt ?? null
    return last >= counter || (frozenAt !== null && length >= frozenAt)
  }
  for (let isMoving = true; isMoving; ) {
    isMoving = false
    for (const [feed, { blocks, frozenAt }] of feeds) {
      const own = all.get(feed)!
      const counting = blocks.slice(0, frozenAt ?? blocks.length)
      while (own.length < counting.length && step(feed, own, counting[own.length]!, isApplied, isStopped)) isMoving = true
    }
  }
  return all
}

/** Takes one block, or says why not. */
const step = (
  feed: string,
  own: Progress,
  block: Uint8Array,
  isApplied: (feed: string, counter: number) => boolean,
  isStopped: (feed: string, index: number) => boolean
): boolean => {
  const { isUnknown, nonsense, plain } = judgeBlock(block)
  own.stuck = null
  if (isUnknown && (nonsense === null || isStopped(feed, own.length))) {
    own.stuck = "version"
    return false
  }
  const isNonsense = plain === null || plain.firstCounter <= own.counter || plain.feeds.some((id) => hex(id) === feed)
  if (isNonsense) {
    own.length++
    own.flags++
    return true
  }
  if (plain.deps.some((dep) => !isApplied(dep.feed, dep.counter))) {
    own.stuck = "deps"
    return false
  }
  own.length++
  own.counter = plain.last
  return true
}
