/** A device that was removed and abuses that it may hand in late work, at a member that runs all real layers. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType } from "../../src/index.ts"
import * as MemoryNetworkLayer from "../../src/layers/mesh/MemoryNetwork.ts"
import { bytesOfText } from "../../src/schema/echo/FeedTable.ts"
import { encodeMessage } from "../../src/schema/echo/ReplicationMessage.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import { lateBytesMax, quarantineOperationsMax } from "../../src/schema/platform/Limits.ts"
import type { SpaceFeeds } from "../../src/services/echo/FeedStore.ts"
import { MemoryNetwork } from "../../src/services/mesh/MemoryNetwork.ts"
import { elapse } from "../mesh/Elapse.ts"
import { feedsIn, type Hand, meet } from "./FormerByHand.ts"
import { letIn, person } from "./Household.ts"
import { keyOf, made, manifestOf, Person as Someone } from "./People.ts"

const Task = ObjectType.make("Task", { title: Schema.String })

/** Ann's space, of which bob was a member, and what he has of it: her feed and his own, of which she lacks the last block. */
const removed = Effect.gen(function* () {
  const [ann, bob] = [yield* person, yield* person]
  const network = yield* MemoryNetwork
  const hers = yield* ann.spaces.create({ name: "Home" })
  const his = yield* letIn(hers, bob, "admin")
  yield* elapse("5 seconds")
  yield* his.create(Task, { title: "seen" })
  yield* elapse("5 seconds")
  yield* network.cut("reset")
  yield* hers.membership!.remove(bob.identity.text)
  yield* his.create(Task, { title: "x".repeat(60_000) })
  yield* his.close
  yield* network.heal
  const feeds = yield* feedsIn(bob, his)
  const operations = yield* ann.operations.open(bytesOfText(hers.id), null)
  const isHis = ({ text }: { readonly text: string }) => operations.deviceOf(text) === bob.identity.deviceText
  const own = feeds.list().find(isHis)!
  const others = feeds.list().find((feed) => !isHis(feed))!
  return { bob, hers, his, feeds, own, others, operations }
})

const runOf = (feeds: SpaceFeeds, feed: Uint8Array, from: number) =>
  Effect.map(feeds.run(feed, from, 1_000_000, false), (run) => run!)

/** Offers feeds; answers what is said of them. */
const offer = ({ hear, say }: Hand, ...feeds: ReadonlyArray<Uint8Array>) =>
  Effect.andThen(say({ _tag: "HandIn", feeds: feeds.map((feed) => ({ feed, length: 1_000 })) }), hear)

describe("the entrance, to who is out", () => {
  it.effect("tells how far his own feeds are, of no other feed anything, and takes none of others", () =>
    Effect.gen(function* () {
      const { bob, feeds, his, others, own } = yield* removed
      const run = yield* runOf(feeds, others.id, 0)
      const [heard] = yield* meet(bob, his, 1, (hand) =>
        Effect.gen(function* () {
          const held = yield* offer(hand, own.id, others.id, new Uint8Array(32).fill(7))
          yield* hand.send(encodeMessage({ _tag: "Data", run }))
          return [held, yield* hand.hear]
        })
      )
      const feed = { feed: own.id, length: own.length - 1 }
      assert.deepStrictEqual(heard, [
        { _tag: "Held", bytesLeft: lateBytesMax, feeds: [feed] },
        { _tag: "Refuse", reason: "not a member" }
      ])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("takes no run that does not hold, and nothing that is no late work", () =>
    Effect.gen(function* () {
      const { bob, feeds, hers, his, own } = yield* removed
      const run = yield* runOf(feeds, own.id, own.length - 1)
      const forged = { ...run, head: { ...run.head, signature: new Uint8Array(64).fill(1) } }
      const early = yield* runOf(feeds, own.id, own.length - 1)
      const gap = { ...early, from: early.from + 1, head: { ...early.head, length: early.head.length + 1 } }
      const frames = [
        encodeMessage({ _tag: "Data", run: forged }),
        encodeMessage({ _tag: "Data", run: gap }),
        encodeMessage({ _tag: "Have", feeds: [{ feed: own.id, length: 1, mark: new Uint8Array(16) }] }),
        new Uint8Array(300).fill(0xff)
      ]
      const reasons: Array<string> = []
      for (const frame of frames) {
        const [last] = yield* meet(bob, his, 1, (hand) =>
          Effect.andThen(Effect.andThen(offer(hand, own.id), hand.send(frame)), hand.hear)
        )
        reasons.push(last?._tag === "Refuse" ? last.reason : `${last?._tag}`)
      }
      assert.deepStrictEqual(reasons, ["bad-signature", "bad-signature", "malformed", "malformed"])
      assert.deepStrictEqual(yield* hers.membership!.withheld, [])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("takes 4 MiB a minute of one device, whatever of it is here already and however often it comes", () =>
    Effect.gen(function* () {
      const { bob, feeds, hers, his, own } = yield* removed
      const run = yield* runOf(feeds, own.id, own.length - 1)
      const sizes: Array<number> = []
      const flood = meet(bob, his, 1, (hand) =>
        Effect.gen(function* () {
          let sent = 0
          for (let heard = yield* offer(hand, own.id); ; heard = yield* hand.hear) {
            if (heard._tag === "Refuse") {
              sizes.push(sent)
              return heard.reason
            }
            sent += run.blocks[0]!.length
            yield* hand.send(encodeMessage({ _tag: "Data", run }))
          }
        })
      )
      assert.deepStrictEqual(yield* flood, ["greedy"])
      assert.deepStrictEqual(yield* flood, ["slow"])
      yield* elapse("1 minute")
      assert.deepStrictEqual(yield* flood, ["greedy"])
      for (const sent of sizes) assert.isAtMost(sent, lateBytesMax + run.blocks[0]!.length)
      const [withheld, ...more] = yield* hers.membership!.withheld
      assert.deepStrictEqual([withheld?.identity, more], [bob.identity.text, []])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("keeps few more than 1,000 of those of others whom he has let in, and none once it is full", () =>
    Effect.gen(function* () {
      const { bob, hers, his, operations } = yield* removed
      const space = bytesOfText(hers.id)
      const device = "eve, device"
      const junk = yield* bob.operations.open(space, null)
      const admit = yield* junk.publish(new Someone("eve").admission(space, device, 2), { device: bob.identity.device })
      const admitted = { space, parents: [admit.id], proof: admit.id, time: 0 }
      const feeds = Array.from({ length: 1_500 }, (_, n) => ({
        ...admitted,
        payload: { type: "AdmitFeed", manifest: manifestOf(space, device, `feed ${n}`) } as const
      }))
      const all = [...junk.list().map(({ bytes }) => bytes), ...feeds.map((feed) => made(feed, keyOf(device)).bytes)]
      const flood = meet(bob, his, 1, (hand) => Effect.andThen(hand.say({ _tag: "Ops", operations: all }), hand.hear))
      const cut = () =>
        operations.list().filter(({ operation }) => operations.membership.standing(operation.id) === "quarantined")
      assert.deepStrictEqual(yield* flood, [{ _tag: "Refuse", reason: "greedy" }])
      const kept = cut().length
      assert.isAtMost(kept, quarantineOperationsMax + 64)
      yield* meet(bob, his, 1, (hand) => Effect.andThen(hand.say({ _tag: "Ops", operations: all }), offer(hand)))
      assert.strictEqual(cut().length, kept)
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("keeps 1,000 of the operations that he goes on signing, and the space goes on", () =>
    Effect.gen(function* () {
      const { bob, hers, his, operations } = yield* removed
      const junk = yield* bob.operations.open(bytesOfText(his.id), null)
      const before = operations.list().length
      for (let n = 0; n < quarantineOperationsMax + 100; n++)
        yield* junk.publish({ type: "SetPolicy", isLocked: n % 2 === 0 }, { device: bob.identity.device })
      const all = junk.list().map(({ bytes }) => bytes)
      yield* meet(bob, his, 3, (hand) => Effect.andThen(hand.say({ _tag: "Ops", operations: all }), offer(hand)))
      const cut = operations.list().filter(({ operation }) => operations.membership.standing(operation.id) === "quarantined")
      assert.strictEqual(cut.length, quarantineOperationsMax)
      assert.strictEqual(operations.list().length, before + quarantineOperationsMax)
      assert.strictEqual(yield* hers.membership!.policy, "invite")
      yield* hers.create(Task, { title: "goes on" })
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )

  it.effect("keeps what one who is out has signed since, though another has filled his room", () =>
    Effect.gen(function* () {
      const [ann, bob, carol] = [yield* person, yield* person, yield* person]
      const network = yield* MemoryNetwork
      const hers = yield* ann.spaces.create({ name: "Home" })
      const homes = [
        [bob, yield* letIn(hers, bob)],
        [carol, yield* letIn(hers, carol)]
      ] as const
      yield* elapse("5 seconds")
      yield* network.cut("reset")
      for (const { identity } of [bob, carol]) yield* hers.membership.remove(identity.text)
      for (const [, home] of homes) yield* home.close
      yield* network.heal
      const { find } = yield* ann.operations.open(bytesOfText(hers.id), null)
      const isKept: Array<boolean> = []
      for (const [who, home] of homes) {
        const own = yield* who.operations.open(bytesOfText(home.id), null)
        const signed: Array<string> = []
        for (let n = 0; n <= (who === bob ? quarantineOperationsMax : 0); n++) {
          const { operation } = yield* own.publish({ type: "KeyRotate", content: encode([n]) }, { device: who.identity.device })
          signed.push(operation.id)
        }
        const all = own.list().map(({ bytes }) => bytes)
        yield* meet(who, home, 1, (hand) => Effect.andThen(hand.say({ _tag: "Ops", operations: all }), offer(hand)))
        isKept.push(find(signed.at(-1)!) !== undefined)
      }
      assert.deepStrictEqual(isKept, [false, true])
    }).pipe(Effect.provide(MemoryNetworkLayer.layer))
  )
})
