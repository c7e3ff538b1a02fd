/**
 * The people of a space as applications are shown them: roles, names, and how this device's own person went.
 */
import type * as Stream from "effect/Stream"
import { bytesOfText } from "../../schema/echo/FeedTable.ts"
import { isFollowed } from "../../schema/echo/Time.ts"
import { shownName } from "../../schema/halo/Name.ts"
import { type Role, roles } from "../../schema/halo/Operation.ts"
import type { NameOf } from "../../schema/halo/ProvenanceText.ts"
import type { SpaceClosed } from "../../services/echo/SpaceService.ts"
import type { HeldIdentity } from "../../services/halo/IdentityStore.ts"
import type { SpaceOperations } from "../../services/halo/OperationStore.ts"
import type { Person, Removed, RoleName } from "../../services/halo/SpaceMembership.ts"
import type { OpenSpace } from "./OpenSpace.ts"
import { coalesced } from "./SpaceFace.ts"
import type { SpaceHandle } from "./SpaceHandle.ts"

const names = Object.keys(roles) as ReadonlyArray<RoleName>

export const roleOf = (role: Role | 0): RoleName | null => names.find((name) => roles[name] === role) ?? null

interface Said {
  readonly name: string
  readonly order: number
  readonly time: number
  readonly feed: string
}

const isLater = (a: Said, b: Said): boolean => {
  if (a.order !== b.order) return a.order > b.order
  return a.time > b.time || (a.time === b.time && a.feed > b.feed)
}

/** The name that was said last in the profiles of each identity's feeds, as far as they count. */
const saidNames = ({ access, feeds, state }: OpenSpace, operations: SpaceOperations): ReadonlyMap<string, Said> => {
  const said = new Map<string, Said>()
  for (const feed of feeds.list()) {
    const profile = state.objects.profileOf(state.feeds.intern(feed.id))
    const identity = operations.membership.ownerOf(feed.text)
    if (profile === undefined || identity === undefined || access.accepted(feed).role === 0) continue
    const [shown] = state.objects.conflicts(profile, "name")
    if (shown === undefined || typeof shown.value !== "string") continue
    const [order] = state.objects.conflicts(profile, "order")
    const name = { name: shownName(shown.value), order: orderOf(order?.value), time: shown.time, feed: feed.text }
    const before = said.get(identity)
    if (before === undefined || isLater(name, before)) said.set(identity, name)
  }
  return said
}

const orderOf = (value: unknown): number => (typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0)

/**
 * The order of a name that this device is about to say: none as long as clocks tell which name is later, else one more than that of the
 * name that is shown, so that the next edit wins whatever a clock said.
 */
export const orderOfNext = (space: OpenSpace, operations: SpaceOperations, self: HeldIdentity): number | undefined => {
  const last = saidNames(space, operations).get(self.text)
  const { feeds, ownFeed } = space.state
  if (last === undefined || feeds.intern(bytesOfText(last.feed)) === ownFeed) return undefined
  const isByClocks = last.order === 0 && isFollowed(last.time, space.now())
  return isByClocks ? undefined : Math.min(last.order + 1, Number.MAX_SAFE_INTEGER)
}

export const peopleOf = (space: OpenSpace, operations: SpaceOperations, self: HeldIdentity): ReadonlyArray<Person> => {
  const said = saidNames(space, operations)
  return operations.membership.members().map(({ devices, identity, role }) => ({
    identity,
    role: roleOf(role)!,
    name: said.get(identity)?.name ?? "",
    devices,
    isSelf: identity === self.text
  }))
}

/** What people call whom a key stands for: the name that he says, and the beginning of the key, since two may say the same. */
export const namesOf = (space: OpenSpace, operations: SpaceOperations): NameOf => {
  const said = saidNames(space, operations)
  return (kind, key) => {
    const short = key.slice(0, 8)
    if (kind === "device") return `device ${short}`
    return `${said.get(key)?.name || "somebody"} (${short})`
  }
}

/** The same people, and again whenever they are others. */
export const changesOf = <A>(handle: SpaceHandle, peopleNow: (life: OpenSpace) => A): Stream.Stream<A, SpaceClosed> =>
  coalesced(handle, (wake) => {
    let last = ""
    const take = () => {
      if (handle.life === null) return null
      const people = peopleNow(handle.life)
      const text = JSON.stringify(people)
      if (text === last) return null
      last = text
      return people
    }
    return { take, close: handle.listen(wake) }
  })

/** How this device's person went, or null while he is in. */
export const removalOf = (space: OpenSpace, operations: SpaceOperations, self: HeldIdentity): Removed | null => {
  const { membership } = operations
  const { revocations, standing } = membership.device(self.deviceText)
  if (standing !== "former") return null
  // who let him in may have lost the right to it, too
  const last = operations.list().findLast(({ operation }) => revocations.includes(operation.id))
  if (last === undefined) return null
  const acknowledged = Math.max(0, ...space.peers.progress.acknowledgedBy().values())
  const by = last.payload.type === "Leave" ? null : (membership.entry(last.operation.id)?.identity ?? null)
  return { by, time: last.time, unsent: Math.max(0, space.state.local - acknowledged) }
}
