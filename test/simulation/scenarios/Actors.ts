/**
 * Money moves between durable accounts on several devices, and counters crash beside them, while everything that can break does.
 *
 * Then all heals, and within a while no transfer may be on its way any more. What is checked is told at `violations`: money is conserved,
 * nothing that was acknowledged is lost, nothing is applied twice, supervision keeps its rules, and nothing runs on after a close.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { SpaceService } from "../../../src/services/echo/SpaceService.ts"
import { Peer } from "../../../src/services/peer/Peer.ts"
import type { SimulatedPeer, World } from "../../../src/services/simulation/World.ts"
import { Account, bank, deskAt, type Mistake } from "./Bank.ts"
import { Ledger } from "./BankLedger.ts"
import { type Rules, Tally } from "./Counters.ts"
import { Faults } from "./Faults.ts"
import type { Scenario, Told } from "./Scenario.ts"

/** Seconds of trouble, and seconds in which all transfers must be over afterwards. */
const troubleSeconds = 25
const settleSeconds = 90

const accountsEach = 3
const openedWith = 100
const workersEach = 2

class Actors implements Scenario {
  private readonly ledger = new Ledger()
  private readonly mistake: Mistake | null
  private world!: World
  private rules!: Rules
  private ticket: string | null = null
  private readonly devices = new Map<string, string>()
  /** The counters of all lives, and of each peer those of the life that it is in. */
  private readonly tallies: Array<Tally> = []
  private readonly counters = new Map<string, Tally>()
  private isOver = false

  constructor(mistake: Mistake | null) {
    this.mistake = mistake
  }

  /** What each life of a peer begins with. */
  readonly layer = (peer: string) => {
    const tally = new Tally(this.rules)
    this.tallies.push(tally)
    this.counters.set(peer, tally)
    const actors = Layer.merge(
      bank(this.ledger, (of) => this.devices.get(of) ?? "", this.mistake),
      tally.layer
    )
    const goingOn = Effect.gen({ self: this }, function* () {
      const { spaces } = yield* Peer
      if (this.ticket !== null) yield* Effect.forkScoped(opened(spaces, this.ticket))
      if (this.mistake !== "no resuming") yield* (yield* deskAt(peer)).start
    })
    return Layer.provideMerge(Layer.effectDiscard(goingOn), actors)
  }

  /** Called before the first life begins, since what it answers runs in the world. */
  readonly run = (world: World): Effect.Effect<Told> => {
    this.world = world
    const strategy = world.draw("rules", 4) === 0 ? "all-for-one" : "one-for-one"
    this.rules = { strategy, overflow: (["suspend", "reject", "dropOldest"] as const)[world.draw("rules", 3)]! }
    const faults = new Faults(world, (peer) => this.ledger.crashed(peer))
    return Effect.scoped(this.happen(faults)).pipe(
      Effect.orDie,
      Effect.map(() => this.told(faults))
    )
  }

  private told(faults: Faults): Told {
    const { met, sent, violations } = this.ledger
    const counterCrash = this.tallies.reduce((sum, { crashes }) => sum + crashes, 0)
    const messages = this.tallies.reduce((sum, tally) => sum + tally.sent, 0)
    return {
      operations: sent.size + messages,
      faults: { ...faults.counts, counterCrash },
      met: { transfers: sent.size, ...met },
      violations: [...violations]
    }
  }

  private happen(faults: Faults) {
    return Effect.gen({ self: this }, function* () {
      yield* this.begin
      const scope = yield* Effect.scope
      for (const peer of this.world.peers) {
        yield* Effect.forkIn(this.send(peer), scope)
        for (let n = 0; n < workersEach; n++) yield* Effect.forkIn(this.count(peer, n), scope)
      }
      yield* Effect.forkIn(this.look, scope)
      yield* Effect.forkIn(faults.run(troubleSeconds), scope)
      yield* Effect.sleep(`${troubleSeconds} seconds`)
      this.isOver = true
      yield* faults.end
      yield* this.settle
      // the last asks, in lives that began when all had healed, take 5 s at most
      yield* Effect.sleep("6 seconds")
      yield* this.check
      for (const peer of this.world.peers) {
        const left = yield* peer.close
        if (left > 0) this.ledger.say(`left running: ${left} fibers, timers, connections or places of ${peer.name}`)
      }
    })
  }

  private get disks() {
    return new Map(this.world.peers.map(({ disk, name }) => [name, disk]))
  }

  private readonly begin = Effect.gen({ self: this }, function* () {
    const [first, ...others] = this.world.peers
    for (const peer of this.world.peers) this.devices.set(peer.name, yield* peer.run(Effect.map(Peer, ({ device }) => device)))
    const members = others.map(({ name }) => this.devices.get(name)!)
    const made = Effect.flatMap(Peer, ({ spaces }) => spaces.create({ name: "Bank", members }))
    const { ticket } = yield* first!.run(made)
    this.ticket = ticket
    for (const peer of others) yield* peer.run(Effect.flatMap(Peer, ({ spaces }) => spaces.open(ticket)))
    for (const peer of this.world.peers)
      for (let n = 0; n < accountsEach; n++) {
        const address = `${peer.name}/${n}`
        const open = Effect.flatMap(Account.client(address), (account) => account.Open({ amount: openedWith }))
        yield* peer.run(open)
        this.ledger.opened.set(address, openedWith)
      }
  })

  /** Somebody at a peer who sends money, and now and then closes an account. */
  private send(peer: SimulatedPeer) {
    const draw = (below: number) => this.world.draw(`${peer.name} sends`, below)
    const addresses = [...this.ledger.opened.keys()]
    return Effect.gen({ self: this }, function* () {
      for (let n = 0; !this.isOver; n++) {
        yield* Effect.sleep(50 + draw(draw(3) === 0 ? 2_500 : 500))
        if (draw(30) === 0) {
          const close = Effect.flatMap(Account.client(`${peer.name}/0`), (account) =>
            account.Close(undefined, { command: "close" })
          )
          yield* Effect.ignore(peer.run(close))
        }
        const from = draw(addresses.length)
        const to = (from + 1 + draw(addresses.length - 1)) % addresses.length
        const order = { from: addresses[from]!, to: addresses[to]!, amount: 1 + draw(60) }
        const id = `${peer.name}/${n}`
        this.ledger.sent.set(id, false)
        const sent = peer.run(Effect.flatMap(deskAt(peer.name), (desk) => desk.Send({ id, ...order }, { command: id })))
        const isTold = yield* Effect.isSuccess(sent)
        if (isTold) this.ledger.sent.set(id, true)
      }
    })
  }

  /** Somebody who asks counters, breaks them, and ends them. */
  private count(peer: SimulatedPeer, n: number) {
    const draw = (below: number) => this.world.draw(`${peer.name} counts ${n}`, below)
    const act = Effect.suspend(() => this.counters.get(peer.name)!.act(draw))
    return Effect.gen({ self: this }, function* () {
      while (!this.isOver) {
        yield* Effect.sleep(draw(draw(8) === 0 ? 3_000 : 150))
        yield* Effect.ignore(peer.run(act))
      }
    })
  }

  /** Money is conserved at every moment, and not only in the end. */
  private readonly look = Effect.gen({ self: this }, function* () {
    while (!this.isOver) {
      yield* Effect.sleep("3 seconds")
      yield* this.ledger.count(this.disks)
    }
  })

  private readonly settle = Effect.gen({ self: this }, function* () {
    const attempt = Effect.gen({ self: this }, function* () {
      while ((yield* this.ledger.open(this.disks)).size > 0) yield* Effect.sleep("500 millis")
    })
    const isDone = yield* Effect.timeoutOption(attempt, `${settleSeconds} seconds`)
    if (isDone._tag === "Some") return
    const open = [...(yield* this.ledger.open(this.disks))]
    this.ledger.say(`liveness: ${open.join(", ")} not over ${settleSeconds} s after everything had healed`)
  })

  private readonly check = Effect.gen({ self: this }, function* () {
    yield* this.ledger.compare(this.disks)
    for (const address of this.ledger.opened.keys()) {
      const peer = this.world.peer(address.split("/")[0]!)
      const shown = yield* peer.run(Effect.flatMap(Account.client(address), (account) => account.Balance()))
      const held = yield* this.ledger.balance(this.disks, address)
      if (shown !== held) this.ledger.say(`state: ${address} shows ${shown}, and its events amount to ${held}`)
    }
    const running = new Set(this.counters.values())
    for (const tally of this.tallies)
      for (const problem of tally.problems(!running.has(tally))) this.ledger.say(`counters: ${problem}`)
  })
}

/** Opens the space in which the devices meet, however often that takes: the disk may be full. */
const opened = (spaces: SpaceService["Service"], ticket: string) => Effect.retry(spaces.open(ticket), Schedule.spaced("1 second"))

export const actors = (mistake: Mistake | null = null): Scenario => new Actors(mistake)
