/**
 * The address of a KUBE as people write it, judged before anything is opened: one that can be none would be dialled for ever.
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import { describe } from "../platform/ArgumentInvalid.ts"

/** The text cannot be the address of a KUBE. */
export class KubeInvalid extends Data.TaggedError("KubeInvalid")<{ readonly kube: string }> {
  override get message() {
    return `${this.kube} cannot be the url of a KUBE. Write it with http, https, ws or wss, such as http://127.0.0.1:4400, or leave kube out to stay offline.`
  }
}

export const checkedKubeUrl = (kube: unknown): Result.Result<string, KubeInvalid> =>
  typeof kube === "string" && /^(https?|wss?):\/\/[^/?#\s]/.test(kube) && URL.canParse(kube)
    ? Result.succeed(kube)
    : Result.fail(new KubeInvalid({ kube: describe(kube) }))
