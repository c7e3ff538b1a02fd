/**
 * What lies in the folder of a Peer: sealed by a passphrase or by a file, for its owner alone, and nothing in it that can be read.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as PlainFiles from "../../examples/custom-storage/PlainFiles.ts"
import * as MemoryNetwork from "../../src/layers/mesh/MemoryNetwork.ts"
import * as PeerFolder from "../../src/layers/peer/PeerFolder.ts"
import * as PeerMemory from "../../src/layers/peer/PeerMemory.ts"
import * as PeerNode from "../../src/layers/peer/PeerNode.ts"
import { ObjectType } from "../../src/schema/echo/ObjectType.ts"
import { decodeWith } from "../../src/schema/platform/Codec.ts"
import { keyringRange } from "../../src/schema/platform/StorageKeys.ts"
import { Storage } from "../../src/services/platform/Storage.ts"

const Note = ObjectType.make("Note", { text: Schema.String })
const secret = "the treasure is beneath the old oak"
const [alice, bob] = [Redacted.make("correct horse battery staple"), Redacted.make("Tr0ub4dor&3")]

const temporary = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "troupe-folder-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true }))
)

/** Opens a Peer, lets it write a note, and answers what it says of itself. */
const used = (options: PeerNode.Options) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { device, sealed, spaces } = yield* PeerNode.open(options)
      const home = yield* spaces.create({ name: `space of ${secret}` })
      yield* home.create(Note, { text: secret })
      return { device, sealed, home: home.id }
    })
  )

const refusal = (options: PeerNode.Options) => Effect.flip(Effect.scoped(PeerNode.open(options)))

/** The seeds of all private keys, as only the sealed storage answers them. */
const seeds = (options: PeerFolder.Options) =>
  Effect.gen(function* () {
    const storage = yield* Storage
    const records = yield* storage.range({
      from: Uint8Array.of(keyringRange),
      to: Uint8Array.of(keyringRange + 1),
      limit: 100
    })
    return records.map(({ value }) =>
      Result.getOrThrow(
        decodeWith(value, (reader) => {
          reader.tuple(3)
          reader.uint()
          reader.uint()
          return Buffer.from(reader.fixed(32))
        })
      )
    )
  }).pipe(Effect.provide(Layer.fresh(PeerFolder.layer(options))))

const filesBelow = (folder: string): ReadonlyArray<string> =>
  fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(folder, name))
    .filter((file) => fs.statSync(file).isFile())

const finds = (folder: string, wanted: Buffer | string): ReadonlyArray<string> =>
  filesBelow(folder).filter((file) => fs.readFileSync(file).includes(wanted))

describe("PeerFolder", () => {
  for (const [by, passphrase] of [
    ["passphrase", alice],
    ["file", undefined]
  ] as const) {
    it.live(`sealed by a ${by}: says so, is the same device again, and shows neither texts nor private keys`, () =>
      Effect.gen(function* () {
        const folder = path.join(yield* temporary, "data")
        const first = yield* used({ folder, passphrase })
        assert.strictEqual(first.sealed, by)
        assert.strictEqual((yield* used({ folder, passphrase })).device, first.device)
        const keys = yield* seeds({ folder, passphrase })
        assert.isAtLeast(keys.length, 3)
        for (const wanted of [secret, "Note", "treasure", ...keys]) assert.deepStrictEqual(finds(folder, wanted), [])
        // what the keys of a storage tell, as docs/security.md says
        assert.isNotEmpty(finds(folder, Buffer.from(first.device, "base64url")))
      })
    )
  }

  it.live("is made for its owner alone, the key too, also when the passphrase has changed", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* temporary, "data")
      yield* used({ folder })
      const modes = () => [folder, path.join(folder, "key")].map((each) => fs.statSync(each).mode & 0o777)
      assert.deepStrictEqual(modes(), [0o700, 0o600])
      yield* PeerNode.changePassphrase({ folder, to: alice })
      assert.deepStrictEqual(modes(), [0o700, 0o600])
    })
  )

  it.live("refuses a wrong passphrase, a damaged key and one of another folder without a hint, and changes nothing", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const [folder, other] = [path.join(root, "data"), path.join(root, "other")]
      yield* used({ folder, passphrase: alice })
      yield* used({ folder: other, passphrase: bob })
      const file = path.join(folder, "key")
      const kept = fs.readFileSync(file)
      const damaged = Buffer.from(kept)
      damaged[damaged.length - 1]! ^= 1
      const messages = new Set<string>()
      for (const [bytes, passphrase] of [
        [kept, bob],
        [damaged, alice],
        [fs.readFileSync(path.join(other, "key")), alice]
      ] as const) {
        fs.writeFileSync(file, bytes)
        const error = yield* refusal({ folder, passphrase })
        assert.strictEqual(error._tag, "PassphraseWrong")
        messages.add(error.message)
        assert.deepStrictEqual(fs.readFileSync(file), Buffer.from(bytes))
      }
      assert.deepStrictEqual(
        [...messages],
        [
          `this passphrase does not open ${folder}. Try again; if it is right, its file "key" is damaged: put back a copy of that file.`
        ]
      )
      fs.writeFileSync(file, kept)
      yield* used({ folder, passphrase: alice })
    })
  )

  it.live("says what to do when the passphrase is missing or not wanted, and when the key is gone or another's", () =>
    Effect.gen(function* () {
      const root = yield* temporary
      const [folder, other] = [path.join(root, "data"), path.join(root, "other")]
      const file = path.join(folder, "key")
      yield* used({ folder, passphrase: alice })
      yield* used({ folder: other })
      const said = (passphrase?: PeerNode.Options["passphrase"]) =>
        Effect.map(refusal({ folder, passphrase }), (error) => `${error._tag}: ${error.message}`)
      assert.match(yield* said(), /^PassphraseMissing: .*data is sealed by a passphrase\. Give it/)
      const wrapped = fs.readFileSync(file)
      fs.copyFileSync(path.join(other, "key"), file)
      assert.match(
        yield* said(alice),
        /^PassphraseUnset: .* has no passphrase\. Set one first \(PeerNode\.changePassphrase, or troupe folder passphrase\)/
      )
      assert.match(yield* said(), /^KeyFileDamaged: .*belongs to another folder\. Put back the copy/)
      fs.writeFileSync(file, "rubbish")
      assert.match(yield* said(alice), /^KeyFileDamaged: /)
      fs.rmSync(file)
      for (const passphrase of [undefined, alice]) assert.match(yield* said(passphrase), /^KeyFileMissing: .*Put back a copy/)
      assert.isFalse(fs.existsSync(file))
      fs.writeFileSync(file, wrapped)
      yield* used({ folder, passphrase: alice })
    })
  )

  it.live("changes the passphrase from a file to one, to another and back, while it is open, and is the same device", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* temporary, "data")
      const first = yield* used({ folder })
      yield* Effect.scoped(Effect.andThen(PeerNode.open({ folder }), () => PeerNode.changePassphrase({ folder, to: alice })))
      const second = yield* used({ folder, passphrase: alice })
      assert.deepStrictEqual([second.sealed, second.device], ["passphrase", first.device])
      yield* PeerNode.changePassphrase({ folder, from: alice, to: bob })
      assert.strictEqual((yield* refusal({ folder, passphrase: alice }))._tag, "PassphraseWrong")
      assert.strictEqual((yield* used({ folder, passphrase: bob })).device, first.device)
      yield* PeerNode.changePassphrase({ folder, from: bob })
      const last = yield* used({ folder })
      assert.deepStrictEqual([last.sealed, last.device], ["file", first.device])
    })
  )

  it.live("seals a storage of one's own, too", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* temporary, "data")
      fs.mkdirSync(folder)
      const storage = Layer.provide(PlainFiles.layer(folder), NodeServices.layer)
      const first = yield* used({ folder, storage, passphrase: alice })
      assert.strictEqual((yield* used({ folder, storage, passphrase: alice })).device, first.device)
      for (const wanted of [secret, ...(yield* seeds({ folder, storage, passphrase: alice }))])
        assert.deepStrictEqual(finds(folder, wanted), [])
      assert.isNotEmpty(finds(folder, Buffer.from(first.device, "base64url")))
    })
  )

  it.live("takes no passphrase that is not Redacted, or empty, and does not repeat what it was given", () =>
    Effect.gen(function* () {
      const folder = path.join(yield* temporary, "data")
      for (const passphrase of ["open secret", Redacted.make(""), Redacted.make(5), null]) {
        const exit = yield* Effect.exit(refusal({ folder, passphrase } as PeerNode.Options))
        const text = exit._tag === "Failure" ? Cause.pretty(exit.cause) : ""
        assert.match(text, /PeerNode takes passphrase as Redacted\.make\("…"\), and not an empty one/)
        assert.notInclude(text, "open secret")
      }
      assert.isFalse(fs.existsSync(folder))
    })
  )

  it.live("is not there in memory, which says that it seals nothing", () =>
    Effect.gen(function* () {
      const { sealed } = yield* Effect.provide(PeerMemory.open, MemoryNetwork.layer)
      assert.strictEqual(sealed, "none")
    })
  )
})
