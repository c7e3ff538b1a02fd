/**
 * What a peer that lies sends beside what it has to say: frames of before, operations in the names of others, and more than anybody needs.
 */
import * as Effect from "effect/Effect"
import type * as Socket from "effect/socket/Socket"
import { acceptMessage } from "../../schema/halo/Acceptance.ts"
import { encodeControl } from "../../schema/halo/ControlMessage.ts"
import type { DecodedOperation } from "../../schema/halo/OperationCodec.ts"
import type { Payload } from "../../schema/halo/Payload.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import type { SpaceOperations } from "../../services/halo/OperationStore.ts"
import type { PeerChannel } from "../../services/mesh/Swarm.ts"
import { type Liar, signed } from "./LyingOperations.ts"

/** What is sent after a frame. */
export type Beside = (frame: Uint8Array) => Effect.Effect<ReadonlyArray<Uint8Array>>

/** A channel on which something more is sent after each frame. */
export const sendingMore = (peer: PeerChannel, beside: Beside): PeerChannel => {
  const writer = Effect.map(peer.socket.writer, ({ write, writeAll }): Socket.Writer => {
    const more = (frame: unknown) =>
      Effect.flatMap(frame instanceof Uint8Array ? beside(frame) : Effect.succeed([]), (frames) =>
        Effect.forEach(frames, write, { discard: true })
      )
    return {
      write: (frame) => Effect.andThen(write(frame), more(frame)),
      writeAll: (frames) => Effect.andThen(writeAll(frames), more(frames.at(-1)))
    }
  })
  return { ...peer, socket: { ...peer.socket, writer } }
}

/** Frames that are kept to be sent again. */
const keptFrames = 64

/** Sends what was sent before once more, of whichever channel. `kept` is filled with what is sent. */
export const replaying =
  ({ draw, told }: Liar, kept: Array<Uint8Array>): Beside =>
  (frame) =>
    Effect.sync(() => {
      kept.push(frame.slice())
      if (kept.length > keptFrames) kept.shift()
      if (draw(3) > 0) return []
      told()
      return [kept[draw(kept.length)]!]
    })

const opsOf = (operations: ReadonlyArray<Uint8Array>): Uint8Array => encodeControl({ _tag: "Ops", operations })

/** In every fourth case, an operation that another seems to have signed, or that uses what is his. */
export const impersonating = (liar: Liar, operations: SpaceOperations, device: Uint8Array): Beside => {
  const { draw, told } = liar
  const forged = Effect.gen(function* () {
    const [own, victim] = [operations.list().findLast(lets(device)), operations.list()[draw(operations.list().length)]]
    if (own === undefined || victim === undefined || equalBytes(victim.by, device)) return null
    const { by, id, parents, payload, space } = victim
    const proof = victim.proof ?? id
    const content = { space, parents: [own.id], by: device, proof: own.id, time: victim.time + 1, payload }
    const locking = { type: "SetPolicy", isLocked: true } as const
    switch (draw(4)) {
      case 0:
        return yield* signed(liar, { ...content, parents: [id], by, proof, payload: locking }, device)
      case 1:
        // his very operation, which has the same id, and spoils it for whoever remembers that
        return yield* signed(liar, { ...content, parents, by, proof: victim.proof, time: victim.time }, device)
      case 2:
        return yield* signed(liar, { ...content, parents: [id], proof, payload: locking })
      default:
        // another's certificate for one's own device, or his feed as one's own
        return yield* signed(liar, { ...content, payload: yield* asOwn(liar, lettingIn(operations, draw) ?? victim, device) })
    }
  })
  return () =>
    Effect.gen(function* () {
      const made = draw(4) === 0 ? yield* Effect.orElseSucceed(forged, () => null) : null
      if (made === null) return []
      told()
      return [opsOf([made])]
    })
}

/** Any operation that lets in a person or a feed. */
const lettingIn = (operations: SpaceOperations, draw: Liar["draw"]): DecodedOperation | undefined => {
  const all = operations.list().filter(({ payload: { type } }) => type === "Admit" || type === "AdmitFeed")
  return all[draw(Math.max(1, all.length))]
}

/** What another has signed, as far as it can be for one's own device. */
const asOwn = ({ crypto, keyring }: Liar, { payload, space }: DecodedOperation, device: Uint8Array) => {
  if (payload.type !== "Admit") return Effect.succeed(payload)
  const { agreement, certificate, role } = payload
  const accepted = acceptMessage({ space, identity: certificate.identity, role, device, agreement }, crypto.hash)
  return Effect.map(keyring.sign(device, accepted), (acceptance): Payload => ({ ...payload, device, acceptance }))
}

/** Whether an operation lets in a device. */
const lets =
  (device: Uint8Array) =>
  ({ payload }: DecodedOperation): boolean =>
    "device" in payload && payload.type !== "RemoveDevice" && equalBytes(payload.device, device)

/** Operations that are sent at once of what never counts. */
const junkAtOnce = 8

/** After each frame, operations that name parents which nobody has. */
export const flooding = (liar: Liar, operations: SpaceOperations, device: Uint8Array): Beside => {
  const { crypto, told } = liar
  const junk = Effect.gen(function* () {
    const parents = [yield* crypto.random(32)]
    const proof = yield* crypto.random(32)
    const payload = { type: "SetPolicy", isLocked: false } as const
    return yield* signed(liar, { space: operations.space, parents, by: device, proof, time: 0, payload })
  })
  return () =>
    Effect.gen(function* () {
      const made = yield* Effect.orElseSucceed(Effect.replicateEffect(junk, junkAtOnce), () => [])
      told()
      return [opsOf(made)]
    })
}
