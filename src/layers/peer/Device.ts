/**
 * This device's key, taken from the Keyring, or made there at the first start.
 */

import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import { Device } from "../../services/peer/Device.ts"
import { Keyring } from "../../services/platform/Keyring.ts"
import type { StorageError } from "../../services/platform/Storage.ts"

const make = Effect.gen(function* () {
  const keyring = yield* Keyring
  const [known] = yield* keyring.list("device")
  const publicKey = known ?? (yield* keyring.generate("device"))
  return Device.of({ publicKey, text: Base64Url.encode(publicKey) })
})

export const layer: Layer.Layer<Device, StorageError, Keyring> = Layer.effect(Device, make)
