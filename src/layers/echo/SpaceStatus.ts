/**
 * What a space says of itself, and whether it says anything new: most of what happens at peers changes nothing of it.
 */
import { unfitCount } from "../../schema/echo/ObjectType.ts"
import type { Flagged, SpaceStatus } from "../../services/echo/SpaceService.ts"
import type { OpenSpace } from "./OpenSpace.ts"

export const statusOf = (space: OpenSpace): SpaceStatus => ({
  local: space.state.local,
  durable: space.durable(),
  sent: space.peers.progress.sent(),
  acknowledgedBy: space.peers.progress.acknowledgedBy(),
  connected: space.peers.progress.online(),
  stuck: space.stuck(),
  flagged: space.flagged(),
  invalid: unfitCount(space.state.objects),
  readOnly: space.readOnly(),
  restarting: null
})

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
