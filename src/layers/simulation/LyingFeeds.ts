/**
 * The feeds of a peer that lies about them: some of others' are told to nobody, as if they were not there.
 */
import * as Effect from "effect/Effect"
import type { SpaceFeeds, StoredFeed } from "../../services/echo/FeedStore.ts"
import { altered, type Liar } from "./LyingOperations.ts"

/** The feeds as one peer is told of them: what is hidden from it is not there, until it brings it itself. */
export const omitting = ({ told }: Liar, feeds: SpaceFeeds, hides: (feed: StoredFeed) => boolean): SpaceFeeds => {
  const [brought, hidden] = [new Set<string>(), new Set<string>()]
  const isTold = (feed: StoredFeed): boolean => {
    if (brought.has(feed.text) || !hides(feed)) return true
    if (!hidden.has(feed.text)) told()
    hidden.add(feed.text)
    return false
  }
  return altered(feeds, {
    list: () => feeds.list().filter(isTold),
    find: (id) => [feeds.find(id)].find((feed) => feed !== undefined && isTold(feed)),
    admit: (manifest) => Effect.tap(feeds.admit(manifest), ({ text }) => Effect.sync(() => brought.add(text))),
    watch: (listener) =>
      feeds.watch((feed) => {
        if (isTold(feed)) listener(feed)
      })
  })
}
