/**
 * An object's id as text: `<feed>.<counter>`, the dot that created it, or `<feed>.0` for a feed's profile.
 *
 * One id has one spelling, so that texts can be compared and used as keys. Every update of an application's object passes here, hence no
 * regular expression and no intermediate text.
 */
import type { Dot } from "./ChangeSet.ts"
import { type FeedTable, feedTextLength } from "./FeedTable.ts"

const digitsMax = 16
const none = -1
const [point, zero, nine] = [0x2e, 0x30, 0x39]

export const formatObjectId = (feedText: string, counter: number): string => `${feedText}.${counter}`

/** The dot that an id names, or null when the text is no id or its feed is not known in this space. */
export const parseObjectId = (text: string, feeds: FeedTable): Dot | null => {
  if (text.length > feedTextLength + 1 + digitsMax || text.charCodeAt(feedTextLength) !== point) return null
  const counter = counterIn(text, feedTextLength + 1)
  if (counter < 0) return null
  const feed = feeds.findStart(text)
  return feed < 0 ? null : { feed, counter }
}

/** The counter that ends a text, or −1 when there is none in its only spelling. */
const counterIn = (text: string, start: number): number => {
  let counter = text.length === start ? none : 0
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i)
    if (digit < zero || digit > nine || (digit === zero && i === start && text.length > start + 1)) return none
    counter = counter * 10 + (digit - zero)
  }
  return counter > Number.MAX_SAFE_INTEGER ? none : counter
}
