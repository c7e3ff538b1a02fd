/**
 * A running KUBE, as its process holds it: where it can be reached.
 *
 * It has no authority and keeps nothing: it lets peers find each other, and passes bytes between two that asked for it.
 */
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"

export class Kube extends Context.Service<
  Kube,
  {
    /** What peers are given: `http://127.0.0.1:7700`. */
    readonly url: string
    readonly host: string
    readonly port: number
  }
>()("troupe/kube/Kube") {}

/** The address cannot be listened on. */
export class KubeUnavailable extends Schema.TaggedError<KubeUnavailable>()("KubeUnavailable", {
  host: Schema.String,
  port: Schema.Number,
  cause: Schema.Defect()
}) {
  override get message() {
    return `no KUBE at ${this.host}:${this.port}: ${String(this.cause)}. Choose another port (0 takes any free one), or another host.`
  }
}
