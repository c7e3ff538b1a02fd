/** Profiles: there without a create, written by their own feed alone, and read like any object. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type ChangeSet, create, type Mutation, put, remove } from "../../src/schema/echo/ChangeSet.ts"
import { encodePlain } from "../../src/schema/echo/ChangeSetCodec.ts"
import { Draft } from "../../src/schema/echo/Draft.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { Changes, Objects } from "../../src/schema/echo/Objects.ts"
import { ObjectType, read, TypeIndex } from "../../src/schema/echo/ObjectType.ts"
import { profileCounter, profileType, putInProfile } from "../../src/schema/echo/Profile.ts"
import { QueryIndex, queryAll } from "../../src/schema/echo/Query.ts"
import { SpaceState } from "../../src/schema/echo/SpaceState.ts"
import { canonical, stateHash } from "../../src/schema/echo/StateHash.ts"
import { decode } from "../../src/schema/platform/Codec.ts"

const hash = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest()

const feeds = new FeedTable()
const [ann, bob] = [1, 2].map((byte) => feeds.intern(new Uint8Array(32).fill(byte))) as [number, number]
const Profile = ObjectType.make(profileType, {
  name: Schema.optionalKey(Schema.String),
  title: Schema.optionalKey(Schema.String)
})

const set = (first: number, ...mutations: ReadonlyArray<Mutation>): ChangeSet => ({ first, time: 9, deps: null, mutations })
const nameOf = (objects: Objects, feed: number) => {
  const entry = objects.profileOf(feed)
  return entry === undefined ? undefined : objects.shown(entry, "name")
}
const draftOf = (state: SpaceState) => new Draft(state, new TypeIndex(), { missing: (id) => id, untyped: (id) => id })

describe("Profile", () => {
  it("is there without a create, is of its type, and no orphan", () => {
    const objects = new Objects(feeds)
    assert.isUndefined(objects.profileOf(ann))
    assert.isTrue(objects.apply(set(1, putInProfile(ann, "name", "Ann")), ann, [], null, null))
    assert.strictEqual(nameOf(objects, ann), "Ann")
    const { objects: found } = queryAll(objects, Profile, {})
    assert.deepStrictEqual(
      found.map(({ id, name }) => [id, name]),
      [[`${feeds.text(ann)}.0`, "Ann"]]
    )
    assert.strictEqual(objects.findId(found[0]!.id), objects.profileOf(ann))
    assert.deepStrictEqual([...objects.orphans()], [])
    assert.deepStrictEqual(Result.getOrThrow(decode(canonical(objects, objects.profileOf(ann)!))), [
      [feeds.id(ann)],
      [0, 0],
      [[3, ["name"], null, [[0, 1, 9, "Ann"]]]],
      []
    ])
  })

  it("makes a change set of another feed that names it void, all of it", () => {
    const objects = new Objects(feeds)
    objects.apply(set(1, putInProfile(ann, "name", "Ann")), ann, [], null, null)
    const mutations = [create("Task", 1), putInProfile(ann, "name", "Bob's")]
    assert.isFalse(objects.apply(set(1, ...mutations), bob, [1], null, null))
    assert.isFalse(objects.withhold(set(1, ...mutations), bob, [1], null))
    assert.strictEqual(nameOf(objects, ann), "Ann")
    assert.deepStrictEqual(objects.ofType("Task"), [])
  })

  it("comes to others as position 0, counter 0", () => {
    const [here, there] = [new SpaceState(), new SpaceState()]
    here.write(feeds.id(ann), 0)
    const { changeSet } = here.stamp([putInProfile(here.ownFeed, "name", "Ann")], 1)
    here.merge(changeSet)
    const bytes = encodePlain([changeSet], here.ownFeed, (index) => here.feeds.id(index))
    const at = there.feeds.intern(feeds.id(ann))
    assert.strictEqual(there.deliver(at, bytes, new Uint8Array(32))._tag, "Delivered")
    assert.strictEqual(nameOf(there.objects, at), "Ann")
    assert.strictEqual(stateHash(there.objects, hash), stateHash(here.objects, hash))
  })

  it("leaves nothing when all is removed, and live queries let it go", () => {
    const objects = new Objects(feeds)
    const changes = new Changes()
    const queries = new QueryIndex(objects)
    const empty = stateHash(objects, hash)
    const subscription = queries.subscribe(Profile, {}, () => {})
    const untitled = queries.subscribe(Profile, { where: { title: undefined } }, () => {})
    const apply = (first: number, mutation: Mutation) => {
      objects.apply(set(first, mutation), ann, [], null, changes)
      queries.changed(changes)
      assert.deepStrictEqual(untitled.result(), subscription.result())
      return subscription.result().objects.map(({ name }) => name)
    }
    assert.deepStrictEqual(apply(1, putInProfile(ann, "name", "Ann")), ["Ann"])
    assert.deepStrictEqual(apply(2, remove(ann, profileCounter, ["name"])), [])
    assert.isUndefined(objects.profileOf(ann))
    assert.deepStrictEqual(objects.ofType(profileType), [])
    assert.strictEqual(stateHash(objects, hash), empty)
    assert.deepStrictEqual(apply(3, putInProfile(ann, "name", "Ann again")), ["Ann again"])
  })

  it("stays in live queries when the state is made anew", () => {
    const made = () => {
      const objects = new Objects(feeds)
      objects.apply(set(1, putInProfile(ann, "name", "Ann")), ann, [], null, null)
      return objects
    }
    const queries = new QueryIndex(made())
    const subscription = queries.subscribe(Profile, {}, () => {})
    subscription.take()
    queries.rebuilt(made())
    assert.isNull(subscription.take())
  })

  it("is not there while all of it is withheld, and shows what counted before", () => {
    const objects = new Objects(feeds)
    objects.withhold(set(1, putInProfile(ann, "name", "Ann")), ann, [], null)
    assert.isUndefined(objects.profileOf(ann))
    assert.deepStrictEqual([...objects.ofType(profileType), ...objects.orphans()], [])
    objects.apply(set(1, putInProfile(bob, "name", "Bob")), bob, [], null, null)
    objects.withhold(set(2, putInProfile(bob, "name", "Bobby"), remove(bob, profileCounter, ["name"])), bob, [], null)
    assert.strictEqual(nameOf(objects, bob), "Bob")
  })

  it("is updated like any object by its own feed, and refuses others'", () => {
    const state = new SpaceState(feeds)
    state.write(feeds.id(ann), 0)
    state.merge(state.stamp([putInProfile(ann, "name", "Ann")], 1).changeSet)
    state.objects.apply(set(1, putInProfile(bob, "name", "Bob")), bob, [], null, null)
    const profile = (feed: number) => read(Profile, state.objects, state.objects.profileOf(feed)!) as { readonly id: string }
    const draft = draftOf(state)
    draft.update(profile(ann), { name: "Anna" })
    assert.deepStrictEqual(draft.mutations, [put(ann, profileCounter, ["name"], "Anna")])
    assert.throws(() => draftOf(state).update(profile(bob), { name: "Rob" }), "is the profile of another feed")
  })
})
