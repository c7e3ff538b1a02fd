/**
 * The spaces of this device: kept as tickets in storage, and, while they are open, children of one supervisor, `spaces`.
 *
 * A space that crashes is restarted from what is durable, after a pause that grows, and touches no other. One that crashes too often is
 * closed, with the reason.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import { restart } from "../../schema/actor/Supervision.ts"
import { creating } from "../../schema/echo/ObjectType.ts"
import {
  decodeTicket,
  encodeGenesis,
  encodeIdentityTicket,
  encodeTicket,
  type Genesis,
  spaceText,
  type Ticket,
  TicketInvalid
} from "../../schema/echo/Space.ts"
import { ArgumentInvalid, demandObject, describe } from "../../schema/platform/ArgumentInvalid.ts"
import { equalBytes } from "../../schema/platform/Codec.ts"
import { membersMax } from "../../schema/platform/Limits.ts"
import { spaceRange } from "../../schema/platform/StorageKeys.ts"
import { type Ended, Supervisor } from "../../services/actor/Supervisor.ts"
import { FeedStore } from "../../services/echo/FeedStore.ts"
import { Replicator } from "../../services/echo/Replicator.ts"
import {
  MemberInvalid,
  MembersTooMany,
  NotMember,
  type OpenError,
  type Space,
  type SpaceClosed,
  SpaceService,
  type WriteError
} from "../../services/echo/SpaceService.ts"
import { Entrance } from "../../services/halo/Entrance.ts"
import { type HeldIdentity, IdentityStore } from "../../services/halo/IdentityStore.ts"
import { OperationStore, type SpaceOperations } from "../../services/halo/OperationStore.ts"
import { Swarm } from "../../services/mesh/Swarm.ts"
import { Device } from "../../services/peer/Device.ts"
import { Crypto } from "../../services/platform/Crypto.ts"
import type { KeyMissing } from "../../services/platform/Keyring.ts"
import { Storage, type StorageError } from "../../services/platform/Storage.ts"
import { accessByDevices, accessByOperations } from "./SpaceAccess.ts"
import { faceOf, SpaceInfo } from "./SpaceFace.ts"
import { SpaceHandle } from "./SpaceHandle.ts"
import { lifeOf, type Platform } from "./SpaceLife.ts"
import { membershipOf } from "./SpaceMembers.ts"
import { membershipOfDevices } from "./SpaceOfDevices.ts"

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
  readonly handle: SpaceHandle
  readonly face: Space
  /** It ends: whoever opens it now waits until it has, and gets another. */
  isEnding: boolean
  readonly over: Deferred.Deferred<void>
}

/** Whoever opens a space, one at a time; forgotten when there is none. */
interface Turn {
  readonly lock: Semaphore.Semaphore
  openers: number
}

/** Five crashes within a minute are borne with: the pauses add up to three seconds. */
const policy = restart({ times: 5, within: "1 minute", backoff: { first: "100 millis" } })

const make = Effect.fnUntraced(function* (options: Options) {
  const storage = yield* Storage
  const crypto = yield* Crypto
  const device = yield* Device
  const supervisor = yield* Supervisor
  const identities = yield* IdentityStore
  const operationStore = yield* OperationStore
  const scope = yield* Effect.scope
  const platform: Platform = {
    clock: yield* Clock.Clock,
    entrance: yield* Entrance,
    feedStore: yield* FeedStore,
    replicator: yield* Replicator,
    supervisor,
    swarm: yield* Swarm
  }
  const supervision = yield* supervisor.open({ name: "spaces", policy })
  const spaces = new Map<string, Kept>()
  const turns = new Map<string, Turn>()
  /** The last counter that was given out in each feed of this device: as many entries as it has written in feeds since it started. */
  const counters = new Map<string, number>()

  /** Opens of one space go one after the other; one that hangs keeps nobody from another space. */
  const inTurn = <A, E>(id: string, opening: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const turn = turns.get(id) ?? { lock: Semaphore.makeUnsafe(1), openers: 0 }
        turns.set(id, turn)
        turn.openers++
        return turn
      }),
      ({ lock }) => lock.withPermits(1)(opening),
      (turn) =>
        Effect.sync(() => {
          if (--turn.openers === 0) turns.delete(id)
        })
    )

  /** Operations that stay open until a space is over. */
  const operationsUntil = Effect.fnUntraced(function* (over: Effect.Effect<void>, space: Uint8Array, graph: Uint8Array | null) {
    const opened = yield* Deferred.make<SpaceOperations, StorageError>()
    const holding = Effect.flatMap(operationStore.open(space, graph), (operations) =>
      Effect.andThen(Deferred.succeed(opened, operations), over)
    )
    yield* Effect.forkIn(
      Effect.onError(Effect.scoped(holding), (cause) => Deferred.failCause(opened, cause)),
      scope
    )
    return yield* Deferred.await(opened)
  })

  /** How this device belongs to a space, until it is over. */
  const belongingTo = Effect.fnUntraced(function* (ticket: Ticket, over: Effect.Effect<void>) {
    const { space } = ticket
    if ("genesis" in ticket) {
      const members = ticket.genesis.devices.map(Base64Url.encode)
      const access = () => accessByDevices(ticket.genesis, device.publicKey)
      return {
        space,
        device: device.publicKey,
        deviceText: device.text,
        members: () => members,
        access,
        membership: membershipOfDevices
      }
    }
    const held = yield* identities.find(Base64Url.encode(ticket.identity))
    const graph = equalBytes(space, ticket.identity) ? held.genesis : null
    const operations = yield* operationsUntil(over, space, graph)
    const members = () => operations.membership.members().flatMap(({ devices }) => devices)
    const access = () => accessByOperations(operations, held.device)
    const membership = (handle: SpaceHandle) =>
      membershipOf({ handle, operations, identity: held, identities, crypto, urls: options.urls })
    return { space, device: held.device, deviceText: held.deviceText, members, access, membership }
  })

  /** Starts a space, and answers once it is in the swarm. */
  const start = Effect.fnUntraced(function* (ticket: Ticket, ticketText: string) {
    const id = spaceText(ticket.space)
    const handle = new SpaceHandle(id, counters)
    const opened = yield* Deferred.make<void, StorageError | KeyMissing | SpaceClosed>()
    const over = yield* Deferred.make<void>()
    const belonging = yield* belongingTo(ticket, Deferred.await(over))
    const life = lifeOf(platform, handle, belonging, Deferred.succeed(opened, undefined))
    // who opens it is told why what never came up did not, and it is not tried again
    const child = Effect.catchCause(life, (cause) =>
      handle.hasLived ? Effect.failCause(cause) : Deferred.failCause(opened, cause)
    )
    const gone = (why: Ended) => {
      handle.close(why === "crashed" ? (handle.crashed ?? why) : "it was closed", why === "crashed")
      // another may be open by now under the same id
      if (spaces.get(id)?.handle === handle) spaces.delete(id)
      Deferred.doneUnsafe(over, Effect.void)
      // while it was still on its way into the swarm
      Deferred.doneUnsafe(opened, why === "crashed" && handle.closed !== null ? Effect.fail(handle.closed) : Effect.interrupt)
    }
    // it goes on to close when whoever waits for that gives up, as he may while the storage hangs
    const close = Effect.suspend(() => {
      kept.isEnding = true
      return Effect.andThen(Effect.forkIn(supervision.stop(id), scope, { startImmediately: true }), Deferred.await(over))
    })
    const { deviceText, members } = belonging
    const membership = belonging.membership(handle)
    const face = faceOf(handle, { device: deviceText, ticket: ticketText, members, membership, hash: crypto.hash, close })
    const kept: Kept = { handle, face, isEnding: false, over }
    yield* supervision.run(id, child, gone)
    yield* Effect.onError(Deferred.await(opened), () => close)
    return kept
  })

  const opening = Effect.fnUntraced(function* (ticket: Ticket, ticketText: string) {
    const id = spaceText(ticket.space)
    const known = spaces.get(id)
    if (known !== undefined && !known.isEnding) return known.face
    if (known !== undefined) yield* Deferred.await(known.over)
    const key = ticketKey(ticket.space)
    if ((yield* storage.get(key)) === null) {
      yield* storage.write([{ key, value: text.encode(ticketText) }], { durability: "strict" })
    }
    const kept = yield* start(ticket, ticketText)
    // it may have ended already
    if (kept.handle.closed === null) spaces.set(id, kept)
    return kept.face
  })

  const open = (ticketText: string): Effect.Effect<Space, OpenError> =>
    Effect.gen(function* () {
      if (typeof ticketText !== "string") throw new ArgumentInvalid({ call: "spaces.open", takes: "a ticket", given: ticketText })
      const ticket = yield* Effect.fromResult(decodeTicket(ticketText, crypto.hash))
      const id = spaceText(ticket.space)
      if ("genesis" in ticket) yield* checked(ticket.genesis, id)
      return yield* inTurn(id, opening(ticket, ticketText.trim()))
    })

  const checked = Effect.fnUntraced(function* ({ devices }: Genesis, id: string) {
    if (!devices.every(crypto.isKeyValid)) return yield* new TicketInvalid({ reason: "it names a key that is none" })
    if (!devices.some((member) => equalBytes(member, device.publicKey)))
      return yield* new NotMember({ device: device.text, space: id })
  })

  /** All is judged before anything is made: what cannot be created leaves no space behind. */
  const create: SpaceService["Service"]["create"] = Effect.fnUntraced(function* (given) {
    demandObject("spaces.create", "{ name, identity, members }", given)
    const { identity, name, members } = given
    if (members === undefined || identity !== undefined) {
      const held = yield* holderOf(identity)
      if (held !== null) return yield* createFor(held, name)
    }
    return yield* createOfDevices(name, members ?? [])
  })

  /** The identity that makes a space: the one that is named, else the first; null when there is none. */
  const holderOf = (identity: string | undefined) =>
    identity === undefined ? Effect.map(identities.list, (all) => all[0] ?? null) : identities.find(identity)

  const createFor = Effect.fnUntraced(function* (held: HeldIdentity, name: string) {
    const unfit = creating(SpaceInfo, { name }, 0, 1, [])
    if (unfit !== null) return yield* unfit
    const certificate = yield* identities.certificate(held)
    const space = yield* operationStore.found({ ...held, certificate, isLocked: false })
    const opened = yield* open(encodeIdentityTicket({ space, identity: held.id, urls: options.urls }, crypto.hash))
    yield* naming(opened, name)
    yield* introducing(opened, spaces.get(held.text)?.face ?? null)
    return opened
  })

  const createOfDevices = Effect.fnUntraced(function* (name: string, members: ReadonlyArray<string>) {
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
    yield* naming(space, name)
    return space
  })

  const tickets = Effect.gen(function* () {
    const found: Array<{ readonly id: string; readonly ticket: string }> = []
    let after = Uint8Array.of(spaceRange)
    for (;;) {
      const page = yield* storage.range(ticketsAfter(after))
      for (const { key, value } of page) found.push({ id: spaceText(key.subarray(1)), ticket: text.decode(value) })
      if (page.length < pageTickets) return found
      after = Uint8Array.from(page[page.length - 1]!.key)
    }
  })

  const list = Effect.map(tickets, (all) =>
    all.filter(({ ticket }) => {
      const read = decodeTicket(ticket, crypto.hash)
      return Result.isFailure(read) || "genesis" in read.success || !equalBytes(read.success.space, read.success.identity)
    })
  )

  /** The ticket goes last: until then it is told that the space is here, and can be wiped again. */
  const wipe = Effect.fnUntraced(function* (id: string) {
    const known = spaces.get(id)
    if (known !== undefined) yield* known.face.close
    const space = Result.getOrElse(Base64Url.decode(id), () => new Uint8Array())
    if (space.length !== 32) return
    yield* platform.feedStore.wipe(space)
    // those of an identity go with its keys, and not before
    if ((yield* identities.prepared(id)) === null) yield* operationStore.wipe(space)
    yield* storage.write([{ key: ticketKey(space), value: null }], { durability: "strict" })
  })

  return SpaceService.of({ create, open, list, wipe })
})

/** Says in a new space who made it, as he is called in his own. */
const introducing = Effect.fnUntraced(function* (space: Space, own: Space | null) {
  const people = own === null ? [] : yield* own.membership.people
  const name = people.find(({ isSelf }) => isSelf)?.name ?? ""
  // a name that is shown is one
  if (name !== "") yield* Effect.catchTag(space.membership.setName(name), "NameInvalid", Effect.die)
})

/** Writes a new space's name. After a crash the space tells whether it was written: nobody else can have opened it yet. */
const naming = (space: Space, name: string): Effect.Effect<unknown, WriteError> =>
  Effect.retry(
    Effect.flatMap(space.query(SpaceInfo).all, ({ length }) => (length > 0 ? Effect.void : space.create(SpaceInfo, { name }))),
    { while: (error) => error._tag === "SpaceRestarted" }
  )

const memberKey = (member: string, crypto: Crypto["Service"]): Effect.Effect<Uint8Array, MemberInvalid> => {
  if (typeof member !== "string") return Effect.fail(new MemberInvalid({ member: describe(member) }))
  const key = Base64Url.decode(member)
  const isKey = Result.isSuccess(key) && key.success.length === 32 && Base64Url.encode(key.success) === member
  return isKey && crypto.isKeyValid(key.success) ? Effect.succeed(key.success) : Effect.fail(new MemberInvalid({ member }))
}

export const layer = (
  options: Options
): Layer.Layer<
  SpaceService,
  StorageError,
  Storage | Crypto | Device | Entrance | FeedStore | IdentityStore | OperationStore | Swarm | Replicator | Supervisor
> => Layer.effect(SpaceService, make(options))
