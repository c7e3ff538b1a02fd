/**
 * Alice, or Bob, in a process of its own, with its data in a folder and its journal beside it.
 *
 * `node demo/peer.ts NAME LIFE FOLDER JOURNAL KUBE`, started by the demo, which tells it by calls what to do and when.
 */
import * as Effect from "effect/Effect"
import * as PeerNode from "../src/layers/peer/PeerNode.ts"
import type { PeerCalls } from "./calls.ts"
import { openJournal } from "./journal.ts"
import { run, serve, tell, vital } from "./parent.ts"
import { peerProgram } from "./program.ts"

const [name, life, folder, journalFile, kube] = process.argv.slice(2) as [string, string, string, string, string]
const who = `${name}${life}`

const program = Effect.gen(function* () {
  yield* serve<PeerCalls, never>(yield* peerProgram({ who, journal: openJournal(journalFile, who), tell, vital }))
})

run(program.pipe(Effect.scoped, Effect.provide(PeerNode.layer({ folder, kube }))))
