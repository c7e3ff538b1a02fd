/**
 * A decoded change set as the naive model reads it: feeds by their ids, objects by theirs.
 */
import { type ChangeSet, type Mutation as Decoded, opCreate, opLife, opRemove } from "../src/schema/echo/ChangeSet.ts"
import { formatObjectId } from "../src/schema/echo/ObjectId.ts"
import type { Change, Mutation } from "./naive.ts"

type FeedOf = (position: number) => string

const mutationOf = (mutation: Decoded, feedOf: FeedOf): Mutation => {
  if (mutation.op === opCreate) return { op: "create", type: mutation.name, version: mutation.number }
  const object = formatObjectId(feedOf(mutation.feed), mutation.counter)
  if (mutation.op === opLife) return { op: "life", object, isDeleted: mutation.value === true }
  const { path, value } = mutation
  return mutation.op === opRemove ? { op: "remove", object, path } : { op: "put", object, path, value }
}

export const depsOf = ({ deps }: ChangeSet, feedOf: FeedOf): Change["deps"] =>
  (deps ?? []).map((dep) => ({ feed: feedOf(dep.feed), counter: dep.counter }))

export const changeOf = (feed: string, changeSet: ChangeSet, feedOf: FeedOf): Change => ({
  feed,
  first: changeSet.first,
  time: changeSet.time,
  deps: depsOf(changeSet, feedOf),
  mutations: changeSet.mutations.map((mutation) => mutationOf(mutation, feedOf))
})
