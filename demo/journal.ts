/**
 * What a process says that it will do, and what came of it: the evidence that the naive model and the audit are held against.
 *
 * Before each call a process writes an *intent*, after it a *receipt*, one line of JSON each, outside its data folder. The lines are
 * written synchronously and not synced: they survive a killed process, which is what the demo does, and not a power cut.
 * An object is named by its id; one that the intent itself makes, by the intent's number and its place in the intent.
 */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs"
import type { Receipt } from "../src/services/echo/SpaceService.ts"

type Json = string | number | boolean | null | { readonly [key: string]: Json }

export type Properties = { readonly [key: string]: Json }

/** One thing that a call does. `import` stands for a create of each city from row `from` to before row `to`. */
export type Step =
  | { readonly do: "import"; readonly from: number; readonly to: number }
  | { readonly do: "create"; readonly type: string; readonly properties: Properties }
  | { readonly do: "update"; readonly object: string; readonly patch: Properties }
  | { readonly do: "delete" | "restore"; readonly object: string }
  | { readonly do: "space"; readonly name: string }
  | { readonly do: "profile"; readonly name: string }

export interface Intent {
  /** Unique in the run: the process's name, its life, and a count. */
  readonly intent: string
  readonly steps: ReadonlyArray<Step>
}

/** What the call answered; `done` is null when there was nothing to write. */
export interface Answer {
  readonly receipt: string
  readonly done: Receipt | null
}

export interface Journal {
  /** Writes down what is about to be done, and answers its number. */
  readonly intend: (steps: ReadonlyArray<Step>) => string
  readonly receive: (intent: string, done: Receipt | null) => void
}

/** A journal whose lines are written down somewhere at once. */
export const journalOf = (write: (line: string) => void, life: string): Journal => {
  let count = 0
  const tell = (line: Intent | Answer): void => write(`${JSON.stringify(line)}\n`)
  return {
    intend: (steps) => {
      const intent = `${life}-${++count}`
      tell({ intent, steps })
      return intent
    },
    receive: (intent, done) => tell({ receipt: intent, done })
  }
}

/** The journal of one life of a process, in a file. */
export const openJournal = (file: string, life: string): Journal => {
  // a process that is killed before it has done anything has a journal too
  writeFileSync(file, "")
  return journalOf((line) => appendFileSync(file, line), life)
}

/** An intent with what came of it: a receipt, null when nothing was to be done, undefined when the process did not live to say so. */
export interface Entry {
  readonly intent: string
  readonly steps: ReadonlyArray<Step>
  readonly done: Receipt | null | undefined
}

/** Reads journals in their order. The last line of a killed process may be torn: it was not written, then. */
export const readJournals = (files: ReadonlyArray<string>): ReadonlyArray<Entry> =>
  files.flatMap((file) => entriesOf(readFileSync(file, "utf8"), file))

/** The entries of one journal. */
export const entriesOf = (journal: string, file: string): ReadonlyArray<Entry> => {
  const lines = journal.split("\n")
  lines.pop()
  const intents = new Map<string, Intent>()
  const answers = new Map<string, Receipt | null>()
  for (const text of lines) {
    const line = JSON.parse(text) as Intent | Answer
    if ("intent" in line) intents.set(line.intent, line)
    else if (!intents.has(line.receipt)) throw new Error(`${file}: a receipt for ${line.receipt}, which was never intended`)
    else answers.set(line.receipt, line.done)
  }
  return [...intents.values()].map(({ intent, steps }) => ({ intent, steps, done: answers.get(intent) }))
}
