/**
 * Opens a folder as a Peer on Node does, up to its keys: unsealed, sealed by a file, or by a passphrase; twice, and times the second.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as PeerFolder from "../../src/layers/peer/PeerFolder.ts"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import * as KeyringStorage from "../../src/layers/platform/KeyringStorage.ts"
import * as StorageLevel from "../../src/layers/platform/StorageLevel.ts"
import { Keyring } from "../../src/services/platform/Keyring.ts"
import type { SealedBy } from "../../src/services/platform/Sealing.ts"
import { temporary } from "./FeedsWork.ts"

export interface Asked {
  readonly by: SealedBy
}

export interface Measured {
  readonly seconds: number
}

const layerOf = (by: SealedBy, folder: string) =>
  by === "none"
    ? KeyringStorage.layer.pipe(Layer.provide(Layer.merge(StorageLevel.layer({ folder }), CryptoNode.layer)))
    : PeerFolder.layer({ folder, passphrase: by === "file" ? undefined : Redacted.make("correct horse battery staple") })

const { by } = JSON.parse(process.argv[2] ?? "{}") as Asked
const folder = path.join(temporary(), "data")
const use = <A, E>(work: Effect.Effect<A, E, Keyring>) =>
  Effect.runPromise(Effect.provide(work, Layer.fresh(layerOf(by, folder))))
await use(Keyring.use((keyring) => keyring.generate("device")))
const start = performance.now()
const seconds = await use(Effect.sync(() => (performance.now() - start) / 1_000))
fs.writeSync(1, `${JSON.stringify({ seconds } satisfies Measured)}\n`)
process.exit(0)
