/**
 * A counter that several devices count up, together or apart. It needs a Peer, and knows nothing of where that lives.
 *
 * A click is an object and the count is how many there are. In a register, of two clicks at the same time one would be lost: both
 * would write the same number.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ObjectType, Peer } from "troupe"

const Click = ObjectType.make("Click", { by: Schema.String })

export const device = Peer.use((peer) => Effect.succeed(peer.device))

/** A new counter, which these other devices may use: the ticket that they open it with. */
export const make = (others: ReadonlyArray<string>) =>
  Peer.use(({ spaces }) => Effect.map(spaces.create({ name: "Counter", members: others }), ({ ticket }) => ticket))

/** Clicks so often, and waits until the count is reached, whoever does the rest. */
export const count = Effect.fnUntraced(function* (ticket: string, clicks: number, goal: number) {
  const { device: by, spaces } = yield* Peer
  const space = yield* spaces.open(ticket)
  for (let i = 0; i < clicks; i++) yield* space.create(Click, { by })
  const { all, changes } = space.query(Click)
  const counts = Stream.mapEffect(changes, () => Effect.map(all, (found) => found.length))
  return yield* Effect.map(Stream.runHead(Stream.filter(counts, (found) => found >= goal)), Option.getOrThrow)
})
