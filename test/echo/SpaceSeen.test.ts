/** What a revocation says of feeds, at the bounds of an operation. */
import { assert, describe, it } from "@effect/vitest"
import { fitting } from "../../src/layers/echo/SpaceSeen.ts"
import { encodeOperation } from "../../src/schema/halo/OperationCodec.ts"
import type { SeenFeed } from "../../src/schema/halo/Payload.ts"
import { deviceFeedsMax, operationParentsMax } from "../../src/schema/platform/Limits.ts"
import { keyOf, named } from "../halo/People.ts"

const [one, other] = [named("a space"), named("an identity")]

const seen = (n: number): SeenFeed => ({
  feed: named(`feed ${n}`),
  length: Number.MAX_SAFE_INTEGER,
  counter: Number.MAX_SAFE_INTEGER - n,
  root16: named("root").slice(0, 16)
})

describe("what a revocation has seen", () => {
  it("fits in one operation, however many feeds somebody has made and whatever he has written", () => {
    const frontier = fitting(Array.from({ length: deviceFeedsMax }, (_, n) => seen(deviceFeedsMax - n)))
    const parents = Array.from({ length: operationParentsMax }, (_, n) => named(`parent ${n}`))
    const frame = { space: one, parents, by: keyOf("laptop").publicKey, proof: parents[0]!, time: Number.MAX_SAFE_INTEGER }
    encodeOperation({ ...frame, payload: { type: "Cap", identity: other, maxRole: 0, frontier, voidFrom: other } })
    const payload = { type: "RemoveDevice", identity: other, device: one, reason: 0, frontier, voidFrom: other } as const
    encodeOperation({ ...frame, payload })
    assert.deepStrictEqual(frontier[0], seen(1))
  })
})
