/** Object types: what may be written under them, and how what peers wrote is read. */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { create, type Mutation, ObjectRef, put, type Value } from "../../src/schema/echo/ChangeSet.ts"
import { FeedTable } from "../../src/schema/echo/FeedTable.ts"
import { parseObjectId } from "../../src/schema/echo/ObjectId.ts"
import { Objects } from "../../src/schema/echo/Objects.ts"
import {
  creating,
  drafted,
  ObjectInvalid,
  type ObjectOf,
  ObjectType,
  type PatchOf,
  PropertyInvalid,
  type PropsOf,
  read,
  TypeInvalid,
  typeOf,
  updating
} from "../../src/schema/echo/ObjectType.ts"

const feeds = new FeedTable()
const ann = feeds.intern(new Uint8Array(32).fill(1))

const Task = ObjectType.make("Task", {
  title: Schema.String,
  done: Schema.Boolean,
  effort: Schema.optionalKey(Schema.Int),
  due: Schema.optionalKey(Schema.Date),
  picture: Schema.optionalKey(Schema.Uint8Array),
  address: Schema.optionalKey(
    Schema.Struct({ street: Schema.String, pin: Schema.NullOr(Schema.Uint8Array), floor: Schema.Number })
  ),
  tags: Schema.optionalKey(Schema.Array(Schema.NonEmptyString))
})

const writer = () => {
  const objects = new Objects(feeds)
  let next = 1
  const apply = (mutations: ReadonlyArray<Mutation>) => {
    const first = next
    next += mutations.length
    assert.isTrue(objects.apply({ first, time: first, deps: null, mutations }, ann, [], null, null))
    return objects.find(ann, first)!
  }
  return { objects, apply, next: () => next }
}

const created = (props: PropsOf<typeof Task>) => {
  const { objects, apply } = writer()
  const entry = apply(made((into) => creating(Task, props, ann, 1, into)))
  const patch = (values: PatchOf<typeof Task>) => {
    const mutations = made((into) => updating(Task, ann, 1, entry, values, into))
    apply(mutations)
    return mutations
  }
  return { objects, entry, patch, read: () => read(Task, objects, entry) as ObjectOf<typeof Task> }
}

const foreign = (...puts: ReadonlyArray<readonly [string, Value]>) => {
  const { objects, apply } = writer()
  const entry = apply([create("Task", 1), ...puts.map(([key, value]) => put(ann, 1, [key], value))])
  return read(Task, objects, entry)
}

/** The mutations that were added, when nothing was refused. */
const made = (write: (into: Array<Mutation>) => PropertyInvalid | null): Array<Mutation> => {
  const into: Array<Mutation> = []
  assert.isNull(write(into))
  return into
}

const refusal = (invalid: PropertyInvalid | null): string => {
  assert.instanceOf(invalid, PropertyInvalid)
  return `${invalid!.property}: ${invalid!.message}`
}

const make = (props: object) => creating(Task, props as PropsOf<typeof Task>, ann, 1, [])

describe("ObjectType: writing", () => {
  it("gives back what was written: a frozen plain object with its id, the same one until it changes", () => {
    const props = {
      title: "Milk",
      done: false,
      effort: 3,
      due: new Date(86_400_000),
      picture: Uint8Array.of(1, 2),
      address: { street: "Rue 1", pin: Uint8Array.of(7), floor: Number.NaN },
      tags: ["a", "b"]
    }
    const task = created(props)
    const object = task.read()
    assert.deepStrictEqual({ ...object }, { id: `${feeds.text(ann)}.1`, ...props })
    assert.isTrue(Object.isFrozen(object) && Object.isFrozen(object.address) && Object.isFrozen(object.tags))
    assert.strictEqual(task.read(), object)
    assert.strictEqual(typeOf(object), Task)
    task.patch({ done: true })
    assert.deepStrictEqual({ ...task.read() }, { ...object, done: true })
    assert.strictEqual(task.read().address, object.address, "what did not change keeps its identity")
  })

  it("stores bytes as bytes, also within records, and a Date as its ISO text", () => {
    const { objects, entry } = created({
      title: "",
      done: true,
      due: new Date(0),
      address: { street: "", pin: Uint8Array.of(9), floor: 1 }
    })
    assert.strictEqual(objects.shown(entry, "due"), "1970-01-01T00:00:00.000Z")
    assert.deepStrictEqual((objects.shown(entry, "address") as { readonly pin: Value }).pin, Uint8Array.of(9))
  })

  it("a draft looks like the object that will be", () => {
    const props = { title: "Milk", done: false, due: new Date(5), tags: ["x"] }
    const draft = drafted(Task, feeds, ann, 1, props)
    assert.deepStrictEqual(draft, created(props).read())
    assert.strictEqual(typeOf(draft), Task)
  })

  it("refuses what does not fit, naming the property", () => {
    assert.match(refusal(make({ title: 5, done: true })), /^title: Task\.title cannot be written: expected a string, got 5\./)
    assert.match(refusal(make({ done: true })), /^title: .*missing/)
    assert.match(refusal(make({ title: "", done: true, effort: 1.5 })), /^effort: .*integer, got 1.5/)
    assert.match(refusal(make({ title: "", done: true, tags: ["x", ""] })), /^tags: .*length/)
    assert.match(refusal(make({ title: "", done: true, dnoe: 1 })), /^dnoe: .*no such property, only title, done/)
    assert.match(refusal(make({ title: "\ud800", done: true })), /^title: .*surrogate/)
    assert.match(refusal(updating(Task, ann, 1, null, { title: undefined } as object, [])), /^title: .*required/)
    assert.match(refusal(updating(Task, ann, 1, null, { nope: 1 } as object, [])), /^nope: .*no such property/)
  })

  it("takes a text up to 64 KiB encoded and refuses one byte more", () => {
    const fits = 65_536 - 3
    assert.isNull(make({ title: "x".repeat(fits), done: true }))
    assert.match(refusal(make({ title: "x".repeat(fits + 1), done: true })), /more than 65536 bytes/)
    const twoBytesEach = "é".repeat((fits - 1) / 2)
    assert.isNull(make({ title: `${twoBytesEach}x`, done: true }))
    assert.match(refusal(make({ title: `${twoBytesEach}é`, done: true })), /more than 65536 bytes/)
  })

  it("[S24] refuses keys that reach into prototypes, in free keys too", () => {
    const Bag = ObjectType.make("Bag", { free: Schema.Record(Schema.String, Schema.Number) })
    const evil = JSON.parse(`{"__proto__": 1}`) as Record<string, number>
    assert.match(refusal(creating(Bag, { free: evil }, ann, 1, [])), /__proto__/)
    assert.match(refusal(creating(Bag, { free: { constructor: 1 } }, ann, 1, [])), /constructor/)
    assert.isNull(creating(Bag, { free: { "a b": 1 } }, ann, 1, []))
  })

  it("writes of a nested record only what differs", () => {
    const task = created({ title: "", done: true, address: { street: "Rue 1", pin: null, floor: 2 } })
    const paths = task.patch({ address: { street: "Rue 2", pin: null, floor: 2 } }).map(({ path, value }) => [path, value])
    assert.deepStrictEqual(paths, [[["address", "street"], "Rue 2"]])
    assert.deepStrictEqual(task.read().address, { street: "Rue 2", pin: null, floor: 2 })
  })

  it("removes an optional property by undefined", () => {
    const task = created({ title: "", done: true, effort: 1 })
    task.patch({ effort: undefined })
    assert.isFalse("effort" in task.read())
  })

  it("refuses a definition that cannot be", () => {
    assert.throws(() => ObjectType.make("T", { id: Schema.String }), TypeInvalid)
    assert.throws(() => ObjectType.make("T", { prototype: Schema.String }), TypeInvalid)
    assert.throws(() => ObjectType.make("x".repeat(257), {}), TypeInvalid)
    assert.throws(() => ObjectType.make("T", {}, { version: -1 }), TypeInvalid)
  })
})

describe("ObjectType: reading what peers wrote", () => {
  const reasonOf = (object: object): string => {
    assert.instanceOf(object, ObjectInvalid)
    return (object as ObjectInvalid).reason
  }

  it("what does not fit is a typed value with its reason", () => {
    assert.strictEqual(reasonOf(foreign(["done", true])), "title is missing")
    assert.match(reasonOf(foreign(["title", 5], ["done", true])), /^title: expected a string, got 5/)
    assert.match(reasonOf(foreign(["title", ""], ["done", new ObjectRef(ann, 1)])), /^done: expected a boolean/)
  })

  it("an optional property that holds what does not fit is absent", () => {
    const fits = [["title", ""] as const, ["done", true] as const]
    const unfit = [
      ["due", "no date"],
      ["tags", [1]],
      ["address", "flat"],
      ["address", new ObjectRef(ann, 1)]
    ] as const
    for (const put of unfit) assert.deepStrictEqual({ ...foreign(...fits, put) }, { ...foreign(...fits) })
  })

  it("keys that the type does not have are passed over", () => {
    assert.isFalse("more" in foreign(["title", ""], ["done", true], ["more", 1]))
  })

  it("a Schema that throws at a peer's value is a refusal too", () => {
    const { objects, apply } = writer()
    const entry = apply([create("Odd", 1), put(ann, 1, ["a"], "x")])
    const Thrower = ObjectType.make("Odd", {
      a: Schema.String.pipe(
        Schema.decodeTo(Schema.String, {
          decode: SchemaGetter.transform((text: string) => {
            if (text === "x") throw new Error("did not expect x")
            return text
          }),
          encode: SchemaGetter.transform((text: string) => text)
        })
      )
    })
    assert.match(reasonOf(read(Thrower, objects, entry)), /^a: its Schema failed/)
  })

  it("an object of another type, or without its header, is invalid as this one", () => {
    const { objects, apply } = writer()
    const other = apply([create("Note", 1)])
    apply([put(ann, 1, ["title"], "")])
    apply([put(ann, 2, ["title"], "orphan")])
    assert.strictEqual(reasonOf(read(Task, objects, other)), "it is a Note")
    assert.match(reasonOf(read(Task, objects, objects.find(ann, 2)!)), /not known/)
  })

  it("bytes given to the application are its own", () => {
    const task = created({ title: "", done: true, picture: Uint8Array.of(1, 2) })
    task.read().picture![0] = 99
    assert.deepStrictEqual(task.objects.shown(task.entry, "picture"), Uint8Array.of(1, 2))
  })
})

describe("ObjectId", () => {
  it("has one spelling", () => {
    const feed = feeds.text(ann)
    assert.deepStrictEqual(parseObjectId(`${feed}.12`, feeds), { feed: ann, counter: 12 })
    assert.deepStrictEqual(parseObjectId(`${feed}.0`, feeds), { feed: ann, counter: 0 }, "a profile")
    const wrong = [
      "",
      feed,
      `${feed}.`,
      `${feed}.00`,
      `${feed}.012`,
      `${feed}.-1`,
      `${feed}.1e3`,
      `${feed}.9007199254740993`,
      `${feed}. 1`,
      `${feed}.1 `,
      `x${feed}.1`
    ]
    for (const text of wrong) assert.isNull(parseObjectId(text, feeds), text)
    assert.isNull(parseObjectId(`${"A".repeat(43)}.1`, feeds), "a feed that is not known")
  })
})
