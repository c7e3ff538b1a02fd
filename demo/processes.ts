/**
 * The demo's stage of real processes: a KUBE on loopback, two peers with folders of their own, and a bad network on Bob's link.
 *
 * Each process, each file and each wait belongs to one scope. A process that ends unasked ends the run.
 */
import { cpSync } from "node:fs"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import type * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { AuditCalls, KubeCalls, ModelCalls, PeerCalls, ProxyCalls } from "./calls.ts"
import { type ChildDied, start } from "./child.ts"
import type { Name } from "./progress.ts"
import type { Stage } from "./stage.ts"

/** Sets the stage in a folder, where data and journals go. */
export const processes = Effect.fnUntraced(function* (folder: string, deaths: Deferred.Deferred<never, ChildDied>) {
  const began = performance.now()
  const journals: Array<string> = []
  const folderOf = (name: Name): string => join(folder, name)
  const kube = yield* start<KubeCalls>({ name: "the KUBE", script: "./kube.ts", deaths })
  const proxy = yield* start<ProxyCalls>({ name: "the proxy", script: "./proxy.ts", deaths })
  const direct = yield* kube.ask("url")
  const urls: { readonly [name in Name]: string } = { alice: direct, bob: yield* proxy.ask("listen", direct) }

  const audited = (path: string, ticket: string, compared: ReadonlyArray<string> | null) =>
    Effect.scoped(
      Effect.gen(function* () {
        const auditor = yield* start<AuditCalls>({ name: "the audit", script: "./audit.ts", deaths })
        const found = yield* auditor.ask("audit", path, ticket, compared)
        yield* auditor.close
        return found
      })
    )

  const stage: Stage = {
    begin: (name, life, onHeld) => {
      const journal = join(folder, `${name}-${life}.journal`)
      journals.push(journal)
      const args = [name, String(life), folderOf(name), journal, urls[name]]
      return start<PeerCalls>({ name, script: "./peer.ts", args, deaths, onHeld })
    },
    silence: proxy.ask("silence"),
    reset: proxy.ask("reset"),
    bytes: proxy.ask("bytes"),
    keep: Effect.fnUntraced(function* (name, ticket) {
      const copy = join(folder, `${name}-at-kill`)
      cpSync(folderOf(name), copy, { recursive: true })
      return Fiber.join(yield* Effect.forkScoped(audited(copy, ticket, null)))
    }),
    audit: (name, ticket) => audited(folderOf(name), ticket, journals),
    model: (uncovered, limit) =>
      Effect.scoped(
        Effect.gen(function* () {
          const child = yield* start<ModelCalls>({ name: "the model", script: "./model.ts", deaths })
          const folded = yield* child.ask("fold", journals, uncovered, limit)
          yield* child.close
          return folded
        })
      ),
    seconds: Effect.sync(() => (performance.now() - began) / 1_000)
  }
  return stage
})
