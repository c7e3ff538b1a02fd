/**
 * The peers of a simulated world that lie: the real layers, each with one lie around what they say or hear.
 *
 * An honest peer's code knows nothing of it. What a lie may change is what its teller's right allows, and no more.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { Lie } from "../../schema/simulation/Lie.ts"
import type { StoredFeed } from "../../services/echo/FeedStore.ts"
import { Replicator } from "../../services/echo/Replicator.ts"
import { type Entering, Entrance } from "../../services/halo/Entrance.ts"
import { OperationStore, type SpaceOperations } from "../../services/halo/OperationStore.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { Keyring } from "../../services/platform/Keyring.ts"
import type { Lying } from "../../services/simulation/Lying.ts"
import { omitting } from "./LyingFeeds.ts"
import { type Beside, flooding, impersonating, replaying, sendingMore } from "./LyingFrames.ts"
import { backDating, equivocating, flooded, type Liar, Told } from "./LyingOperations.ts"

export interface Options {
  readonly draw: (below: number) => number
  readonly told: () => void
}

const honest: Lying = {
  operations: Layer.effect(OperationStore, OperationStore),
  entrance: Layer.effect(Entrance, Entrance),
  replicator: Layer.effect(Replicator, Replicator)
}

/** The layers of a peer that tells this lie. */
export const lying = (lie: Lie, options: Options): Lying => {
  const liar = Effect.map(Effect.zip(Crypto, Keyring), ([crypto, keyring]): Liar => ({ crypto, keyring, ...options }))
  const operations = (lies: Lies) =>
    Layer.effect(
      OperationStore,
      Effect.zipWith(liar, OperationStore, (one, store) => storeOf(one, store, lies))
    )
  const entrance = (hiding: Hiding) =>
    Layer.effect(
      Entrance,
      Effect.zipWith(liar, Entrance, (one, real) => entranceOf(one, real, hiding))
    )
  const frames = (sent: Sent) =>
    Layer.effect(
      Replicator,
      Effect.zipWith(liar, Replicator, (one, real) => replicatorOf(one, real, sent))
    )
  switch (lie) {
    case "back-date":
      return { ...honest, operations: operations(backDating) }
    case "equivocate": {
      const branches = new Map<string, number>()
      const hiding: Hiding =
        ({ device }) =>
        ({ operation }) =>
          branches.get(operation.id) === (device[0]! & 1)
      return { ...honest, operations: operations((one, real) => equivocating(one, real, branches)), entrance: entrance(hiding) }
    }
    case "omit": {
      const hiding: Hiding =
        ({ self }, isIn) =>
        ({ by, id }) =>
          isIn() && !equalBytes(by, self) && (id[0]! & 1) === 0
      return {
        ...honest,
        entrance: entrance(hiding),
        replicator: Layer.effect(Replicator, Effect.zipWith(liar, Replicator, hidingFeeds))
      }
    }
    case "impersonate":
      return { ...honest, replicator: frames(impersonating) }
    case "replay": {
      const kept: Array<Uint8Array> = []
      return { ...honest, replicator: frames((one) => replaying(one, kept)) }
    }
    case "flood":
      return { ...honest, operations: operations(flooded), replicator: frames(flooding) }
  }
}

type Lies = (liar: Liar, operations: SpaceOperations, device: Uint8Array) => SpaceOperations
/** What is hidden from a device, once it is let in or before. */
type Hiding = (entering: Entering, isIn: () => boolean) => Told["hides"]
type Sent = (liar: Liar, operations: SpaceOperations, self: Uint8Array) => Beside

/** An identity's own operations are left alone: nobody else hears of them. */
const storeOf = (liar: Liar, store: OperationStore["Service"], lies: Lies): OperationStore["Service"] => ({
  ...store,
  open: (space, identity) =>
    Effect.gen(function* () {
      const operations = yield* store.open(space, identity)
      const [device] = yield* liar.keyring.list("device")
      return identity !== null || device === undefined ? operations : lies(liar, operations, device)
    })
})

const entranceOf = (liar: Liar, entrance: Entrance["Service"], hiding: Hiding): Entrance["Service"] => ({
  enter: (entering) =>
    Effect.suspend(() => {
      let isIn = false
      const { operations } = new Told(
        liar,
        entering.operations,
        hiding(entering, () => isIn)
      )
      return Effect.tap(entrance.enter({ ...entering, operations }), () =>
        Effect.sync(() => {
          isIn = true
        })
      )
    })
})

/** Of others' feeds every other one is hidden, from each peer. */
const hidingFeeds = (liar: Liar, replicator: Replicator["Service"]): Replicator["Service"] => ({
  run: (feeds, peer, observer) => {
    const own = peer.entered?.self
    if (own === undefined) return replicator.run(feeds, peer, observer)
    const hides = ({ id, manifest }: StoredFeed) => (id[0]! & 1) === 0 && !equalBytes(manifest.device, own)
    return replicator.run(omitting(liar, feeds, hides), peer, observer)
  }
})

const replicatorOf = (liar: Liar, replicator: Replicator["Service"], sent: Sent): Replicator["Service"] => ({
  run: (feeds, peer, observer) => {
    const { entered } = peer
    const lies = entered === null ? peer : sendingMore(peer, sent(liar, entered.operations, entered.self))
    return replicator.run(feeds, lies, observer)
  }
})
