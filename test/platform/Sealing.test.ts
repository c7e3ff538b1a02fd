/**
 * The key of a sealed folder, through crashes and faults at every operation of a change; and what a sealed storage keeps and refuses.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as SealingNode from "../../src/layers/platform/SealingNode.ts"
import * as StorageMemory from "../../src/layers/platform/StorageMemory.ts"
import * as StorageSealed from "../../src/layers/platform/StorageSealed.ts"
import { costMax, decodeKeyFile, encodeKeyFile, type OpenKey, type WrappedKey } from "../../src/schema/platform/KeyFile.ts"
import { keysEnd, sealKey, storageVersionKey } from "../../src/schema/platform/StorageKeys.ts"
import type { Crypto } from "../../src/services/platform/Crypto.ts"
import { Sealing } from "../../src/services/platform/Sealing.ts"
import { type Durability, Storage } from "../../src/services/platform/Storage.ts"
import { outcomes } from "../../src/testing/FaultyDisk.ts"
import { FaultyFileSystem } from "../../src/testing/FaultyFileSystem.ts"

const folder = "/data"
/** Fast, and as safe as the passphrase of a test has to be. */
const cost = 4
type Passphrase = Redacted.Redacted<string> | undefined
const [alice, bob] = [Redacted.make("alice's"), Redacted.make("bob's")]

/** On the files of this life of the machine. */
const on = <A, E>(machine: FaultyFileSystem, use: Effect.Effect<A, E, FileSystem.FileSystem | Crypto>): Effect.Effect<A, E> =>
  Effect.suspend(() =>
    Effect.provide(use, Layer.merge(Layer.succeed(FileSystem.FileSystem, machine.files()), CryptoNode.layer), { local: true })
  )

const unlock = (machine: FaultyFileSystem, passphrase: Passphrase, storage: "new" | "sealed" = "sealed") =>
  on(
    machine,
    Effect.provide(
      Sealing.use((sealing) => sealing.unlock(storage)),
      SealingNode.layer({ folder, passphrase, cost })
    )
  )

const begun = (passphrase: Passphrase, seed: number) =>
  Effect.gen(function* () {
    const machine = new FaultyFileSystem({ seed })
    const { disk } = machine
    disk.name([{ folder: disk.root, name: "data", node: disk.folder() }])
    disk.sync(disk.root)
    return { machine, key: yield* unlock(machine, passphrase, "new"), operations: machine.operations.length }
  })

/** How it ended, or null when the power went first. */
const untilCrash = <A, E>(machine: FaultyFileSystem, work: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const ended = yield* Deferred.make<Exit.Exit<A, E> | null>()
    machine.onCrash = () => Deferred.doneUnsafe(ended, Exit.succeed(null))
    yield* Effect.forkDetach(Effect.flatMap(Effect.exit(work), (exit) => Deferred.succeed(ended, exit)))
    return yield* Deferred.await(ended)
  })

const changes: ReadonlyArray<readonly [from: Passphrase, to: Passphrase]> = [
  [alice, bob],
  [undefined, alice],
  [alice, undefined]
]

/** The passphrases under which the folder opens, with the key that it had. */
const opening = (machine: FaultyFileSystem, candidates: ReadonlyArray<Passphrase>, key: Uint8Array) =>
  Effect.filter(candidates, (passphrase) =>
    Effect.map(Effect.result(unlock(machine, passphrase)), (found) => {
      if (Result.isSuccess(found)) assert.deepStrictEqual(found.success, key)
      return Result.isSuccess(found)
    })
  )

const filesIn = (machine: FaultyFileSystem) =>
  on(
    machine,
    FileSystem.FileSystem.use((files) => files.readDirectory(folder))
  )

describe("Sealing: a change of the passphrase", () => {
  it.effect("is whole or has not been, wherever the power goes, and leaves nothing else that holds a key", () =>
    Effect.gen(function* () {
      let [runs, changed] = [0, 0]
      for (const [from, to] of changes) {
        const calm = yield* begun(from, 1)
        yield* on(calm.machine, SealingNode.change({ folder, from, to, cost }))
        for (let at = calm.operations + 1; at <= calm.machine.operations.length; at++) {
          for (const outcome of outcomes) {
            const { key, machine } = yield* begun(from, at)
            machine.plan({ kind: "crash", at })
            assert.isNull(yield* untilCrash(machine, on(machine, SealingNode.change({ folder, from, to, cost }))))
            machine.crash(outcome, at)
            const valid = yield* opening(machine, [from, to], key)
            assert.lengthOf(valid, 1, `${outcome} at ${at}`)
            assert.deepStrictEqual(yield* filesIn(machine), ["key"])
            if (valid[0] === to) changed++
            runs++
          }
        }
        calm.machine.crash("lost", 1)
        assert.deepStrictEqual(yield* opening(calm.machine, [from, to], calm.key), [to])
      }
      assert.isAtLeast(runs, 50)
      assert.isTrue(changed > 0 && changed < runs, `${changed} of ${runs}`)
    })
  )

  it.effect("on a full or failing disk answers with the typed error, and one of the two passphrases opens", () =>
    Effect.gen(function* () {
      for (const [from, to] of changes) {
        const calm = yield* begun(from, 1)
        yield* on(calm.machine, SealingNode.change({ folder, from, to, cost }))
        for (let at = calm.operations + 1; at <= calm.machine.operations.length; at++) {
          for (const kind of ["full", "failing"] as const) {
            const { key, machine } = yield* begun(from, at)
            machine.plan({ kind, at })
            const ended = yield* Effect.result(on(machine, SealingNode.change({ folder, from, to, cost })))
            if (Result.isFailure(ended))
              assert.strictEqual(ended.failure._tag, kind === "full" ? "StorageFull" : "StorageFailed", `${kind} at ${at}`)
            machine.heal()
            assert.deepStrictEqual(yield* filesIn(machine), ["key"])
            machine.crash("lost", at)
            assert.lengthOf(yield* opening(machine, [from, to], key), 1, `${kind} at ${at}`)
          }
        }
      }
    })
  )

  it.effect("needs the passphrase that there is, and takes none where there is none", () =>
    Effect.gen(function* () {
      const { machine, key } = yield* begun(alice, 1)
      const refused = (from: Passphrase) =>
        Effect.map(Effect.flip(on(machine, SealingNode.change({ folder, from, to: bob, cost }))), (error) => error._tag)
      assert.strictEqual(yield* refused(bob), "PassphraseWrong")
      assert.strictEqual(yield* refused(undefined), "PassphraseMissing")
      assert.deepStrictEqual(yield* unlock(machine, alice), key)
      yield* on(machine, SealingNode.change({ folder, from: alice, cost }))
      assert.strictEqual(yield* refused(alice), "PassphraseUnset")
    })
  )
})

describe("Sealing: the file of the key", () => {
  it.effect("takes a passphrase for the same however a keyboard composes it", () =>
    Effect.gen(function* () {
      const { machine, key } = yield* begun(Redacted.make("Zoe\u0308 ﬁ"), 1)
      assert.deepStrictEqual(yield* unlock(machine, Redacted.make("Zo\u00eb fi")), key)
    })
  )

  it.effect("opens nothing when any of its bytes has changed", () =>
    Effect.gen(function* () {
      const { machine } = yield* begun(alice, 1)
      const read = on(
        machine,
        FileSystem.FileSystem.use((files) => files.readFile("/data/key"))
      )
      const bytes = Uint8Array.from(yield* read)
      const tags = new Set<string>()
      for (let i = 0; i < bytes.length; i++) {
        const flipped = bytes.slice()
        flipped[i]! ^= 1
        yield* on(
          machine,
          FileSystem.FileSystem.use((files) => files.writeFile("/data/key", flipped))
        )
        tags.add((yield* Effect.flip(unlock(machine, alice)))._tag)
      }
      assert.deepStrictEqual([...tags].sort(), ["KeyFileDamaged", "PassphraseWrong"])
    })
  )

  it("is written in one way, and says no more than scrypt may cost", () => {
    const file: OpenKey = { by: "file", key: new Uint8Array(32).fill(1) }
    const wrapped: WrappedKey = {
      by: "passphrase",
      cost: 17,
      salt: new Uint8Array(16).fill(2),
      nonce: new Uint8Array(24).fill(3),
      wrapped: new Uint8Array(48).fill(4)
    }
    for (const each of [file, wrapped]) assert.deepStrictEqual(Result.getOrThrow(decodeKeyFile(encodeKeyFile(each))), each)
    const wrong = [
      new Uint8Array(),
      encodeKeyFile({ ...wrapped, cost: costMax + 1 }),
      encodeKeyFile({ ...wrapped, cost: 0 }),
      encodeKeyFile({ ...wrapped, salt: new Uint8Array(15) }),
      encodeKeyFile({ ...file, key: new Uint8Array(31) }),
      encodeKeyFile(wrapped).subarray(0, 90)
    ]
    for (const bytes of wrong) assert.isTrue(Result.isFailure(decodeKeyFile(bytes)))
  })
})

const sealedWith = (byte: number, beneath: Storage["Service"]) =>
  Effect.provide(
    Storage,
    StorageSealed.layer.pipe(
      Layer.provide(Layer.succeed(Storage, beneath)),
      Layer.provide(Layer.succeed(Sealing, { by: "file", unlock: () => Effect.succeed(new Uint8Array(32).fill(byte)) })),
      Layer.provide(CryptoNode.layer)
    ),
    { local: true }
  )

const strict: { readonly durability: Durability } = { durability: "strict" }
const [one, two] = [Uint8Array.of(5, 1), Uint8Array.of(5, 2)]
const text = new TextEncoder().encode("a secret of some length")

describe("StorageSealed", () => {
  it.effect("keeps keys as they are, and of values nothing but their length and 40 bytes more, never twice the same", () =>
    Effect.gen(function* () {
      const beneath = StorageMemory.make()
      const storage = yield* sealedWith(1, beneath)
      const batch = [one, two].map((key) => ({ key, value: text }))
      yield* storage.write(batch, strict)
      const [first, second] = yield* beneath.getMany([one, two])
      yield* storage.write(batch, strict)
      const [again] = yield* beneath.getMany([one])
      const seen = [first!, second!, again!]
      assert.strictEqual(new Set(seen.map((bytes) => Buffer.from(bytes).toString("hex"))).size, 3)
      for (const bytes of seen) {
        assert.lengthOf(bytes, text.length + 40)
        assert.isFalse(Buffer.from(bytes).includes("secret"))
      }
      assert.deepStrictEqual(yield* storage.getMany([one, two]), [text, text])
    })
  )

  it.effect("refuses a record that was altered, cut, or put under another key, and names it", () =>
    Effect.gen(function* () {
      const beneath = StorageMemory.make()
      const storage = yield* sealedWith(1, beneath)
      yield* storage.write([{ key: one, value: text }], strict)
      const record = (yield* beneath.get(one))!
      const flipped = record.slice()
      flipped[30]! ^= 1
      for (const value of [flipped, record.subarray(1), record.subarray(0, 39), new Uint8Array(), text]) {
        yield* beneath.write([{ key: one, value }], strict)
        const reads = [Effect.asVoid(storage.get(one)), Effect.asVoid(storage.range({ from: one, to: two, limit: 1 }))]
        for (const error of yield* Effect.all(reads.map((read) => Effect.flip(read)))) {
          assert.match(error.message, /the record 0501 is not as it was sealed; put the folder back from a copy/)
        }
      }
      yield* beneath.write([{ key: two, value: record }], strict)
      assert.strictEqual((yield* Effect.flip(storage.get(two)))._tag, "StorageFailed")
    })
  )

  it.effect("refuses another key when it is opened, before anything is read or written", () =>
    Effect.gen(function* () {
      const beneath = StorageMemory.make()
      yield* sealedWith(1, beneath)
      const error = yield* Effect.flip(sealedWith(2, beneath))
      assert.strictEqual(error._tag, "KeyFileDamaged")
      assert.match(error.message, /belongs to another folder\. Put back the copy/)
      yield* sealedWith(1, beneath)
    })
  )

  it.effect("does not take over what was written unsealed, and leaves the version as it is", () =>
    Effect.gen(function* () {
      const beneath = StorageMemory.make()
      yield* beneath.write([{ key: storageVersionKey, value: Uint8Array.of(1) }], strict)
      const storage = yield* sealedWith(1, beneath)
      assert.deepStrictEqual(yield* storage.get(storageVersionKey), Uint8Array.of(1))
      yield* storage.write([{ key: storageVersionKey, value: Uint8Array.of(2) }], strict)
      assert.deepStrictEqual(yield* beneath.get(storageVersionKey), Uint8Array.of(2))
      const all = yield* beneath.range({ from: new Uint8Array(), to: keysEnd, limit: 10 })
      assert.deepStrictEqual(
        all.map(({ key }) => key),
        [storageVersionKey, sealKey]
      )

      const unsealed = StorageMemory.make()
      yield* unsealed.write([{ key: one, value: text }], strict)
      const error = yield* Effect.flip(sealedWith(1, unsealed))
      assert.strictEqual(error._tag, "StorageOlder")
      assert.deepStrictEqual(yield* unsealed.get(one), text)
    })
  )
})
