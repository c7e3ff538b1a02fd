/**
 * The spaces of this device: kept as tickets in storage, opened as `OpenSpace`, each in a scope and fiber of its own.
 *
 * A fault in one space closes that one, with its reason, and touches no other.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { creating } from "../../schema/echo/ObjectType.ts"
import { decodeTicket, encodeGenesis, encodeTicket, spaceText, type Ticket, TicketInvalid } from "../../schema/echo/Space.ts"
import { SpaceState } from "../../schema/echo/SpaceState.ts"
import { ArgumentInvalid, demandObject, describe } from "../../schema/platform/ArgumentInvalid.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import { membersMax } from "../../schema/platform/Limits.ts"
import { spaceRange } from "../../schema/platform/StorageKeys.ts"
import { FeedStore } from "../../services/echo/FeedStore.ts"
import { Replicator } from "../../services/echo/Replicator.ts"
import {
  MemberInvalid,
  MembersTooMany,
  NotMember,
  type OpenError,
  type Space,
  SpaceService
} from "../../services/echo/SpaceService.ts"
import { Swarm } from "../../services/mesh/Swarm.ts"
import { Device } from "../../services/peer/Device.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import { Storage, type StorageError } from "../../services/platform/Storage.ts"
import { OpenSpace } from "./OpenSpace.ts"
import { faceOf, SpaceInfo } from "./SpaceFace.ts"
import { SpaceTrials } from "./SpaceTrials.ts"

/** Where a new space's ticket says that signaling may be found; who opens it does not look there yet (docs/gaps.md). */
export interface Options {
  readonly urls: ReadonlyArray<string>
}

const ticketKey = (space: Uint8Array): Uint8Array => Uint8Array.of(spaceRange, ...space)
/** The tickets after a key. */
const ticketsAfter = (key: Uint8Array) => ({
  from: Uint8Array.of(...key, 0),
  to: Uint8Array.of(spaceRange + 1),
  limit: pageTickets
})
const pageTickets = 1_000
const text = {
  encode: (ticket: string) => new TextEncoder().encode(ticket),
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes)
}

/** A space that is open, or about to end. */
interface Kept {
  readonly space: OpenSpace
  readonly face: Space
  /** Its scope closes: whoever opens it now waits until it has, and gets another. */
  isEnding: boolean
  readonly over: Deferred.Deferred<void>
}

const make = Effect.fnUntraced(function* (options: Options) {
  const storage = yield* Storage
  const crypto = yield* Crypto
  const device = yield* Device
  const feedStore = yield* FeedStore
  const swarm = yield* Swarm
  const replicator = yield* Replicator
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const lock = yield* Semaphore.make(1)
  const spaces = new Map<string, Kept>()

  /** What is left to do when a space's loop has ended: a fault closes the space, with its reason. */
  const endAfter = (space: OpenSpace, exit: Exit.Exit<unknown, unknown>, own: Scope.Closeable): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) space.close(reasonOf(exit.cause), true)
      // another may be open by now under the same id
      if (spaces.get(space.id)?.space === space) spaces.delete(space.id)
      return Scope.close(own, exit)
    })

  /** Starts a space: its feeds, its loop, its swarm. All of it ends with the space's own scope. */
  const start = Effect.fnUntraced(function* (ticket: Ticket, ticketText: string) {
    const id = spaceText(ticket.space)
    const own = yield* Scope.fork(scope)
    const isMember = (key: Uint8Array) => ticket.genesis.devices.some((member) => equalBytes(member, key))
    const state = new SpaceState()
    const trials = new SpaceTrials(clock)
    const over = yield* Deferred.make<void>()
    const opened = Effect.gen(function* () {
      // the first to be added is the last to run
      yield* Effect.addFinalizer(() => Deferred.succeed(over, undefined))
      const feeds = yield* feedStore.open({
        space: ticket.space,
        device: device.publicKey,
        isMember,
        feedId: (index) => state.feeds.id(index)
      })
      const space = new OpenSpace(id, feeds, state, clock)
      yield* Effect.addFinalizer(() => Effect.sync(() => space.close("it was closed", false)))
      yield* feeds.watch((feed) => space.notice(feed))
      yield* space.load
      const loop = yield* Effect.forkScoped(space.run)
      // in the scope above: a fiber that ends the space's own scope cannot live in it
      yield* Effect.forkIn(
        Effect.flatMap(Fiber.await(loop), (exit) => endAfter(space, exit, own)),
        scope
      )
      yield* swarm.join({
        space: ticket.space,
        device: device.publicKey,
        isMember,
        channel: "echo/replicate",
        version: 0,
        onPeer: (peer) => {
          const run = replicator.run(feeds, peer, space.observer(peer.deviceText))
          return Effect.acquireUseRelease(
            space.met(peer.deviceText),
            () => trials.watched(space, peer.deviceText, run),
            () => space.parted(peer.deviceText)
          )
        }
      })
      const members = ticket.genesis.devices.map(Base64Url.encode)
      const close = Effect.suspend(() => {
        kept.isEnding = true
        return Effect.andThen(Scope.close(own, Exit.void), Deferred.await(over))
      }).pipe(Effect.uninterruptible)
      const face = faceOf(space, { device: device.text, ticket: ticketText, members, hash: crypto.hash, close })
      const kept: Kept = { space, face, isEnding: false, over }
      return kept
    })
    return yield* opened.pipe(
      Scope.provide(own),
      Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
    )
  })

  const open = (ticketText: string): Effect.Effect<Space, OpenError> =>
    Effect.gen(function* () {
      if (typeof ticketText !== "string") throw new ArgumentInvalid({ call: "spaces.open", takes: "a ticket", given: ticketText })
      const ticket = yield* Effect.fromResult(decodeTicket(ticketText, crypto.hash))
      const id = spaceText(ticket.space)
      if (!ticket.genesis.devices.every(crypto.isKeyValid)) {
        return yield* new TicketInvalid({ reason: "it names a key that is none" })
      }
      if (!ticket.genesis.devices.some((member) => equalBytes(member, device.publicKey))) {
        return yield* new NotMember({ device: device.text, space: id })
      }
      const known = spaces.get(id)
      if (known !== undefined && !known.isEnding) return known.face
      if (known !== undefined) yield* Deferred.await(known.over)
      const key = ticketKey(ticket.space)
      if ((yield* storage.get(key)) === null) {
        yield* storage.write([{ key, value: text.encode(ticketText.trim()) }], { durability: "strict" })
      }
      const kept = yield* start(ticket, ticketText.trim())
      // it may have ended already, while its swarm was joined
      if (kept.space.closed === null) spaces.set(id, kept)
      return kept.face
    }).pipe(lock.withPermits(1))

  /** All is judged before anything is made: what cannot be created leaves no space behind. */
  const create: SpaceService["Service"]["create"] = Effect.fnUntraced(function* (given) {
    demandObject("spaces.create", "{ name, members }", given)
    const { name, members = [] } = given
    if (!Array.isArray(members))
      throw new ArgumentInvalid({ call: "spaces.create", takes: "an array of members", given: members })
    const unfit = creating(SpaceInfo, { name }, 0, 1, [])
    if (unfit !== null) return yield* unfit
    const devices = yield* Effect.forEach(members, (member) => memberKey(member, crypto))
    const count = new Set([device.text, ...members]).size
    if (count > membersMax) return yield* new MembersTooMany({ members: count, membersMax })
    const nonce = yield* crypto.random(16)
    const genesis = encodeGenesis(nonce, [device.publicKey, ...devices])
    const space = yield* open(encodeTicket(genesis, options.urls, crypto.hash))
    yield* space.create(SpaceInfo, { name })
    return space
  })

  const list = Effect.gen(function* () {
    const found: Array<{ readonly id: string; readonly ticket: string }> = []
    let after = Uint8Array.of(spaceRange)
    for (;;) {
      const page = yield* storage.range(ticketsAfter(after))
      for (const { key, value } of page) found.push({ id: spaceText(key.subarray(1)), ticket: text.decode(value) })
      if (page.length < pageTickets) return found
      after = Uint8Array.from(page[page.length - 1]!.key)
    }
  })

  return SpaceService.of({ create, open, list })
})

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}

const memberKey = (member: string, crypto: Crypto["Service"]): Effect.Effect<Uint8Array, MemberInvalid> => {
  if (typeof member !== "string") return Effect.fail(new MemberInvalid({ member: describe(member) }))
  const key = Base64Url.decode(member)
  const isKey = Result.isSuccess(key) && key.success.length === 32 && Base64Url.encode(key.success) === member
  return isKey && crypto.isKeyValid(key.success) ? Effect.succeed(key.success) : Effect.fail(new MemberInvalid({ member }))
}

export const layer = (
  options: Options
): Layer.Layer<SpaceService, StorageError, Storage | Crypto | Device | FeedStore | Swarm | Replicator> =>
  Layer.effect(SpaceService, make(options))
