/**
 * What a space says of itself, and whether it says anything new: most of what happens at peers changes nothing of it.
 */
import { unfitCount } from "../../schema/echo/ObjectType.ts"
import { roles } from "../../schema/halo/Operation.ts"
import { type Flagged, NotAuthorized, SpaceReadOnly, type SpaceStatus } from "../../services/echo/SpaceService.ts"
import type { OpenSpace } from "./OpenSpace.ts"
import type { Refusal } from "./SpaceAccess.ts"

export const statusOf = (space: OpenSpace): SpaceStatus => ({
  local: space.state.local,
  durable: space.durable(),
  sent: space.peers.progress.sent(),
  acknowledgedBy: space.peers.progress.acknowledgedBy(),
  connected: space.peers.progress.online(),
  stuck: stuckOf(space),
  flagged: flaggedOf(space),
  invalid: unfitCount(space.state.objects),
  readOnly: reasonOf(refusalOf(space)),
  restarting: null
})

/** Feeds whose authors signed nonsense, which was passed over. */
export const flaggedOf = ({ state }: OpenSpace): ReadonlyArray<Flagged> =>
  [...state.delivery.flags()].map(([feed, blocks]) => ({ feed, blocks }))

/** What waits or failed, each with its reason. */
export const stuckOf = (space: OpenSpace): ReadonlyArray<string> => {
  const waiting = space.state.delivery
    .stuck()
    .map((stuck) =>
      stuck.reason === "deps"
        ? `feed ${stuck.feed} waits for feed ${stuck.on} up to ${stuck.counter}`
        : `feed ${stuck.feed} holds ${stuck.what}`
    )
  const orphans = space.access.operations?.waiting() ?? 0
  const operations = orphans === 0 ? [] : [`${orphans} control operations wait for those that they build on`]
  return [...waiting, ...operations, ...space.losses(), ...space.peers.faults()]
}

export const readOnly = (space: string, reason: string): SpaceReadOnly => new SpaceReadOnly({ space, reason })

const reasonOf = (refusal: ReturnType<typeof refusalOf>): string | null =>
  refusal === null || refusal._tag === "NotAuthorized" ? (refusal?.message ?? null) : refusal.reason

/** What whoever would write is told, or null when he may. */
export const refusalOf = (space: OpenSpace): SpaceReadOnly | NotAuthorized | null => {
  const { id } = space.handle
  const refusal = space.access.refusal()
  if (refusal?.why === "removed" || refusal?.why === "reader") return new NotAuthorized({ space: id, why: refusal.why })
  if (space.unwritable !== null) return readOnly(id, space.unwritable)
  const newer = space.state.delivery.stuck().find((stuck) => stuck.reason === "version" && mayWrite(space, stuck.feed))
  const [where, what] = newer?.reason === "version" ? [`feed ${newer.feed}`, newer.what] : ["it", newerOf(refusal)]
  if (what === null) return null
  return readOnly(id, `${where} holds ${what}, which this version of Troupe does not know. Update Troupe.`)
}

/** Whoever may not write here, or no more, keeps nobody else from it by what others cannot read. */
const mayWrite = ({ access, feeds }: OpenSpace, text: string): boolean => {
  const feed = feeds.list().find((each) => each.text === text)
  if (feed === undefined) return false
  const { counter, role } = access.accepted(feed)
  return role > roles.reader && counter === Number.POSITIVE_INFINITY
}

const newerOf = (refusal: Refusal | null): string | null => (refusal?.why === "newer" ? refusal.what : null)

export const isSameStatus = (a: SpaceStatus, b: SpaceStatus): boolean =>
  a.local === b.local &&
  a.durable === b.durable &&
  a.sent === b.sent &&
  a.invalid === b.invalid &&
  a.readOnly === b.readOnly &&
  a.restarting === b.restarting &&
  isSameList(a.connected, b.connected, isSame) &&
  isSameList(a.stuck, b.stuck, isSame) &&
  isSameList(a.flagged, b.flagged, isSameFlag) &&
  isSameMap(a.acknowledgedBy, b.acknowledgedBy)

const isSame = (a: string, b: string): boolean => a === b
const isSameFlag = (a: Flagged, b: Flagged): boolean => a.feed === b.feed && a.blocks === b.blocks

const isSameList = <A>(a: ReadonlyArray<A>, b: ReadonlyArray<A>, same: (a: A, b: A) => boolean): boolean =>
  a.length === b.length && a.every((each, at) => same(each, b[at]!))

const isSameMap = (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean => {
  if (a.size !== b.size) return false
  for (const [key, value] of a) if (b.get(key) !== value) return false
  return true
}
