/**
 * The reserved object of a feed, (feed, 0), in which its writer says who he is: it is there without a create, and nobody else writes it.
 *
 * Names are content, so that whoever may read a space and no one else learns them. docs/format.md#objects
 */
import { type ChangeSet, type Mutation, opCreate, put, type Value } from "./ChangeSet.ts"

/** The type and version that a profile has without a create. */
export const profileType = "troupe/profile"
export const profileVersion = 1

/** The counter of a profile's id. No mutation takes it, since counters begin with 1. */
export const profileCounter = 0

/** Writes a property of a feed's own profile. */
export const putInProfile = (feed: number, key: string, value: Value): Mutation => put(feed, profileCounter, [key], value)

/** Whether a change set, as decoded, touches nothing but the profile of its feed. */
export const isOfOwnProfile = ({ mutations }: ChangeSet): boolean =>
  mutations.every(({ counter, feed, op }) => op !== opCreate && feed === 0 && counter === profileCounter)
