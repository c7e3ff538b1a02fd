/**
 * The auditor's process: opens a folder that nobody has open, and audits it. `node demo/audit.ts`, asked by calls.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as FeedStoreLayer from "../src/layers/echo/FeedStore.ts"
import * as OperationStoreLayer from "../src/layers/halo/OperationStore.ts"
import * as PeerFolder from "../src/layers/peer/PeerFolder.ts"
import { audit } from "./auditing.ts"
import type { AuditCalls } from "./calls.ts"
import { readJournals } from "./journal.ts"
import { run, serve } from "./parent.ts"

const opened = (folder: string) =>
  Layer.provideMerge(Layer.merge(FeedStoreLayer.layer, OperationStoreLayer.layer), PeerFolder.layer({ folder }))

const auditFolder = (folder: string, ticket: string, journals: ReadonlyArray<string> | null) =>
  Effect.provide(audit(ticket, journals === null ? null : readJournals(journals)), Layer.fresh(opened(folder)))

run(serve<AuditCalls, never>({ audit: auditFolder }))
