/**
 * An object's id as text: `<feed>.<counter>`, the dot that created it.
 *
 * One id has one spelling, so that texts can be compared and used as keys.
 */
import type { Dot } from "./ChangeSet.ts"
import type { FeedTable } from "./FeedTable.ts"

const feedCharacters = 43
const pattern = /^[A-Za-z0-9_-]{43}\.[1-9][0-9]{0,15}$/

export const formatObjectId = (feedText: string, counter: number): string => `${feedText}.${counter}`

/** The dot that an id names, or null when the text is no id or its feed is not known in this space. */
export const parseObjectId = (text: string, feeds: FeedTable): Dot | null => {
  if (!pattern.test(text)) return null
  const feed = feeds.findText(text.slice(0, feedCharacters))
  const counter = Number(text.slice(feedCharacters + 1))
  return feed < 0 || counter > Number.MAX_SAFE_INTEGER ? null : { feed, counter }
}
