/**
 * The membership of a space whose members are devices, for good: nobody is a person in it, and nobody comes or goes.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { NotPermitted } from "../../services/halo/OperationStore.ts"
import type { SpaceMembership } from "../../services/halo/SpaceMembership.ts"
import type { SpaceHandle } from "./SpaceHandle.ts"

const reason = "the members of this space are devices, for good. Make an identity, and a space without `members`."

const refused = (what: string) => () => Effect.fail(new NotPermitted({ what, reason }))

export const membershipOfDevices = (handle: SpaceHandle): SpaceMembership => ({
  role: Effect.succeed("owner"),
  people: Effect.succeed([]),
  changes: Stream.concat(Stream.make([]), Stream.never),
  devices: Effect.succeed([]),
  changesBy: () => Effect.succeed(0),
  policy: Effect.succeed("locked"),
  removed: Effect.succeed(null),
  offer: refused("an offer"),
  admit: refused("to let somebody in"),
  remove: refused("to remove somebody"),
  demote: refused("to take a role"),
  removeDevice: refused("to take a device away"),
  leave: refused("to leave"),
  setPolicy: refused("to set the policy"),
  withheld: Effect.succeed([]),
  endorse: refused("to endorse"),
  provenance: () => Effect.succeed([]),
  setName: (name) => Effect.asVoid(handle.commit((transaction) => transaction.profile({ name }), { durability: "strict" }))
})
