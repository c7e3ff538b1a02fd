/** A peer that receives control operations as bytes: it reads and verifies each, holds what lacks a parent, and evaluates the rest. */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Result from "effect/Result"
import * as CryptoNode from "../../src/layers/platform/CryptoNode.ts"
import { Membership } from "../../src/schema/halo/Membership.ts"
import { type DecodedOperation, decodeOperation } from "../../src/schema/halo/OperationCodec.ts"
import { hash, holds } from "./People.ts"

const { isKeyValid } = CryptoNode.make()

export type Verdict = "taken" | "held" | "known" | "refused"

export class Receiver {
  readonly membership: Membership
  private readonly space: Uint8Array
  private readonly held = new Map<string, DecodedOperation>()

  /** With an identity, of that one's own space. */
  constructor(space: Uint8Array, own: { readonly identity: string; readonly recovery: string } | null = null) {
    this.membership = new Membership(own)
    this.space = space
  }

  receive(bytes: Uint8Array): Verdict {
    const result = decodeOperation(bytes, this.space, hash)
    if (Result.isFailure(result)) return "refused"
    const decoded = result.success
    const { id } = decoded.operation
    // a bad one says the id of a good one as well as it likes: it is verified first
    if (!holds(decoded.signatures) || !decoded.keys.every(isKeyValid)) return "refused"
    if (this.membership.has(id) || this.held.has(id)) return "known"
    this.held.set(id, decoded)
    const verdict = this.take(decoded)
    if (verdict === "taken") this.release()
    return verdict
  }

  /** Takes it when all its parents are here. */
  private take({ acceptance, operation }: DecodedOperation): Verdict {
    const { by, id, parents, proof } = operation
    if (!parents.every((parent) => this.membership.has(parent))) return "held"
    this.held.delete(id)
    const holder = this.membership.holder(proof, by)
    if (acceptance !== null && holder !== undefined) {
      const identity = Result.getOrThrow(Base64Url.decode(holder))
      if (!holds([acceptance(identity)])) return "refused"
    }
    this.membership.add([operation])
    return "taken"
  }

  private release(): void {
    for (let isMore = true; isMore; ) {
      isMore = false
      for (const each of [...this.held.values()]) if (this.take(each) === "taken") isMore = true
    }
  }

  /** Who is in, as `identity role devices`, by the names that `nameOf` knows. */
  told(nameOf: (text: string) => string): string {
    return this.membership
      .members()
      .map(({ devices, identity, role }) => `${nameOf(identity)} ${role} ${devices.map(nameOf).sort().join("+")}`)
      .sort()
      .join(", ")
  }
}
