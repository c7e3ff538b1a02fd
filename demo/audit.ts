/**
 * The auditor's process: opens a folder that nobody has open, and audits it. `node demo/audit.ts`, asked by calls.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FeedStoreLayer from "../src/layers/echo/FeedStore.ts"
import * as BootCounterNode from "../src/layers/platform/BootCounterNode.ts"
import * as CryptoNode from "../src/layers/platform/CryptoNode.ts"
import * as KeyringStorage from "../src/layers/platform/KeyringStorage.ts"
import * as StorageLevel from "../src/layers/platform/StorageLevel.ts"
import { audit } from "./auditing.ts"
import type { AuditCalls } from "./calls.ts"
import { readJournals } from "./journal.ts"
import { run, serve } from "./parent.ts"

const opened = (folder: string) =>
  FeedStoreLayer.layer.pipe(
    Layer.provideMerge(KeyringStorage.layer),
    Layer.provideMerge(Layer.merge(StorageLevel.layer({ folder }), CryptoNode.layer)),
    Layer.provideMerge(BootCounterNode.layer({ folder }))
  )

const auditFolder = (folder: string, ticket: string, journals: ReadonlyArray<string> | null) =>
  Effect.provide(audit(ticket, journals === null ? null : readJournals(journals)), Layer.fresh(opened(folder)))

run(serve<AuditCalls, never>({ audit: auditFolder }))
