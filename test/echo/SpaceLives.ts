/** Lives of a space over feeds alone, without peers: what comes from others, a test hands to the feeds. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { OpenSpace } from "../../src/layers/echo/OpenSpace.ts"
import { SpaceHandle } from "../../src/layers/echo/SpaceHandle.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import { type Device, open } from "./FeedDevices.ts"

/** One life of the space on a device's disk, until the scope closes. */
export const lifeOf = (device: Device, members: ReadonlyArray<Device>) =>
  Effect.gen(function* () {
    const { feeds, table } = yield* open(device, members)
    const handle = new SpaceHandle("space")
    const space = new OpenSpace(handle, feeds, new SpaceState(table), yield* Clock.Clock)
    yield* feeds.watch((feed) => space.notice(feed))
    yield* space.load
    handle.rose(space)
    yield* Effect.forkScoped(space.run)
    return { device, feeds, handle, space }
  })

export type Life = Effect.Success<ReturnType<typeof lifeOf>>
