/** A random history as blocks: what each writer had newly applied is told by dependencies, and nobody hears a part of a block. */
import type { Dep } from "../../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../../src/schema/echo/ChangeSetCodec.ts"
import type { FeedTable } from "../../../src/schema/echo/FeedTable.ts"
import { below, pick, type Random, type Written } from "./History.ts"

export interface Block {
  readonly feed: number
  readonly bytes: Uint8Array
  /** Its last counter. */
  readonly end: number
}

export const endOf = ({ changeSet: { first, mutations } }: Written): number => first + mutations.length - 1

/** The blocks of each feed, in order. A block goes on as long as no counter is left out and nobody heard of what it holds already. */
export const blocksOf = (feeds: FeedTable, log: ReadonlyArray<Written>, random: Random): ReadonlyArray<ReadonlyArray<Block>> =>
  Array.from({ length: feeds.size }, (_, feed) => {
    const blocks: Array<Array<Written>> = []
    log.forEach((written, at) => {
      if (written.author !== feed) return
      const block = blocks.at(-1)
      if (block !== undefined && goesOn(log, block, at) && random() < 0.5) block.push(written)
      else blocks.push([written])
    })
    const told = Array<number>(feeds.size).fill(0)
    return blocks.map((block) => ({ feed, bytes: encoded(feeds, feed, block, told), end: endOf(block.at(-1)!) }))
  })

const goesOn = (log: ReadonlyArray<Written>, block: ReadonlyArray<Written>, at: number): boolean => {
  const [first, last, next] = [block[0]!, block.at(-1)!, log[at]!]
  const isHeard = log.slice(log.indexOf(last), at).some(({ context }) => context[first.author]! >= first.changeSet.first)
  return next.changeSet.first === endOf(last) + 1 && !isHeard
}

const encoded = (feeds: FeedTable, feed: number, block: ReadonlyArray<Written>, told: Array<number>): Uint8Array => {
  const changeSets = block.map(({ changeSet, context }) => {
    const deps: Array<Dep> = []
    context.forEach((counter, other) => {
      if (other === feed || counter <= told[other]!) return
      deps.push({ feed: other, length: 1, counter, root16: new Uint8Array(16) })
      told[other] = counter
    })
    return { ...changeSet, deps: deps.length === 0 ? null : deps }
  })
  return encodePlain(changeSets, feed, (index) => feeds.id(index))
}

/** Offers the blocks of all feeds in a random order, until no feed goes on. Answers how many of each were taken. */
export const offeredAll = (
  blocks: ReadonlyArray<ReadonlyArray<Block>>,
  lengths: ReadonlyArray<number>,
  random: Random,
  offer: (block: Block, index: number) => boolean
): ReadonlyArray<number> => {
  const at = blocks.map(() => 0)
  let open = blocks.map((_, feed) => feed)
  while (open.length > 0) {
    const feed = pick(random, open)
    const from = at[feed]!
    const to = Math.min(lengths[feed]!, from + 1 + below(random, 3))
    while (at[feed]! < to && offer(blocks[feed]![at[feed]!]!, at[feed]!)) at[feed]!++
    open = at[feed] === from ? open.filter((each) => each !== feed) : blocks.map((_, each) => each)
  }
  return at
}
