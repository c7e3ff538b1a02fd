/**
 * From what was intended to what it must have written: the mutations of an intent, with the dots that its receipt names.
 *
 * The rule is the API's promise and nothing more: a create takes one dot for the object and one for each property, in the order of the
 * type's fields; an update takes one for each property, and for a record inside one for each leaf; a delete or restore takes one.
 */
import type { Value } from "../src/schema/echo/ChangeSet.ts"
import { City, type CityProperties, Visit } from "./cities.ts"
import type { Entry, Properties, Step } from "./journal.ts"
import type { Change, Mutation } from "./naive.ts"

type Cities = (row: number) => CityProperties

const types: { readonly [name: string]: { readonly name: string; readonly version: number; readonly fields: object } } = {
  City,
  Visit
}

const put = (object: string, path: ReadonlyArray<string>, value: Value): Mutation => ({ op: "put", object, path, value })

const created = (id: string, type: string, properties: Properties): ReadonlyArray<Mutation> => {
  const { fields, name, version } = types[type]!
  const keys = Object.keys(fields).filter((key) => properties[key] !== undefined)
  return [{ op: "create", type: name, version }, ...keys.map((key) => put(id, [key], properties[key]!))]
}

const patched = (object: string, path: ReadonlyArray<string>, patch: Properties): ReadonlyArray<Mutation> =>
  Object.keys(patch).flatMap((key) => {
    const value = patch[key]!
    const here = [...path, key]
    return typeof value === "object" && value !== null ? patched(object, here, value) : [put(object, here, value)]
  })

const expandStep = (step: Step, feed: string, id: (offset: number) => string, cities: Cities): ReadonlyArray<Mutation> => {
  switch (step.do) {
    case "profile":
      return [put(`${feed}.0`, ["name"], step.name)]
    case "space":
      return [{ op: "create", type: "troupe/space", version: 1 }, put(id(0), ["name"], step.name)]
    case "create":
      return created(id(0), step.type, step.properties)
    case "update":
      return patched(step.object, [], step.patch)
    case "delete":
    case "restore":
      return [{ op: "life", object: step.object, isDeleted: step.do === "delete" }]
    case "import": {
      const mutations: Array<Mutation> = []
      for (let row = step.from; row < step.to; row++) {
        const of = created(id(mutations.length), "City", { ...cities(row) })
        for (const mutation of of) mutations.push(mutation)
      }
      return mutations
    }
  }
}

/** The mutations of an intent whose first dot is (feed, first). */
export const expand = (
  steps: ReadonlyArray<Step>,
  at: { readonly feed: string; readonly first: number },
  cities: Cities
): ReadonlyArray<Mutation> => {
  const mutations: Array<Mutation> = []
  for (const step of steps) {
    const base = at.first + mutations.length
    for (const mutation of expandStep(step, at.feed, (offset) => `${at.feed}.${base + offset}`, cities)) mutations.push(mutation)
  }
  return mutations
}

export interface Told {
  readonly changes: ReadonlyArray<Change>
  /** Change sets without a receipt that were found in an audited feed. */
  readonly inFlight: number
  readonly problems: ReadonlyArray<string>
}

/**
 * All change sets that the journals tell of. `uncovered` are those that the audit found in the feeds and no receipt names: each must be
 * what some intent without a receipt announced.
 */
export const tell = (entries: ReadonlyArray<Entry>, uncovered: ReadonlyArray<Change>, cities: Cities): Told => {
  const changes: Array<Change> = []
  const problems: Array<string> = []
  const open = new Set(entries.filter(({ done }) => done === undefined))
  for (const { done, intent, steps } of entries) {
    if (done === undefined || done === null) continue
    const mutations = expand(steps, done, cities)
    if (mutations.length !== done.count)
      problems.push(`intent ${intent} makes ${mutations.length} mutations, and its receipt tells of ${done.count}`)
    changes.push({ feed: done.feed, first: done.first, time: done.time, deps: done.deps, mutations })
  }
  let inFlight = 0
  for (const change of uncovered) {
    const found = [...open].find(({ steps }) => isSame(expand(steps, change, cities), change.mutations))
    if (found === undefined) problems.push(`feed ${change.feed} holds a change set at ${change.first} that nobody intended`)
    else {
      open.delete(found)
      changes.push(change)
      // the making of the space and the names have no receipt by their nature; every other one was under way at the kill
      if (!withoutReceipt.has(found.steps[0]?.do)) inFlight++
    }
  }
  return { changes, inFlight, problems }
}

const withoutReceipt: ReadonlySet<string | undefined> = new Set(["space", "profile"])

const isSame = (a: ReadonlyArray<Mutation>, b: ReadonlyArray<Mutation>): boolean =>
  a.length === b.length && a.every((mutation, i) => sorted(mutation) === sorted(b[i]))

const sorted = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner
  )
