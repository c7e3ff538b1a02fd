/**
 * The hybrid logical clock that stamps change sets.
 *
 * A time orders concurrent writes and is shown to people; nothing else looks at it. A peer's far future is not followed, so that one
 * wrong clock does not carry everybody's along. docs/format.md#time
 */

/** Steps of the clock in a millisecond. */
const timePerMillisecond = 1024
/** The greatest time: an ordinary value, reached in the year 2248. */
export const timeMax = Number.MAX_SAFE_INTEGER
/** How far ahead of the wall clock another's time is followed. */
const followedMilliseconds = 24 * 60 * 60 * 1000

/** The milliseconds since 1970 that a time says. */
export const millisOf = (time: number): number => Math.floor(time / timePerMillisecond)

/** The time of the next change set, by the wall clock and the greatest time seen so far. */
export const nextTime = (wallMilliseconds: number, greatestSeen: number): number => {
  const wall = Math.floor(wallMilliseconds) * timePerMillisecond
  const followed = Math.min(greatestSeen, wall + followedMilliseconds * timePerMillisecond)
  return Math.min(timeMax, Math.max(wall, followed) + 1)
}

/** Whether a time is followed where the wall clock shows this: one that is not comes from a clock that is far off. */
export const isFollowed = (time: number, wallMilliseconds: number): boolean =>
  millisOf(time) <= wallMilliseconds + followedMilliseconds
