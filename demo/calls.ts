/**
 * What the demo's processes ask of each other: one interface for each kind of process, a function for each call.
 *
 * Calls travel as JSON over Node's channel between parent and child, which ends with either: no process outlives the demo.
 */
import type * as Effect from "effect/Effect"
import type { Change, Outcome } from "./naive.ts"

export interface Held {
  /** Cities and visits here, as a live query counts them. */
  readonly cities: number
  readonly visits: number
}

export interface State extends Held {
  readonly frontier: string
  readonly stateHash: string
  readonly conflicts: number
  /** The roles of those who are in, as this peer judges them, with what they call themselves. */
  readonly people: ReadonlyArray<string>
}

/** The gates that an import holds at until it is told to pass. */
export type Gate = "kill" | "cut"

export interface PeerCalls {
  readonly device: () => string
  /** Makes an identity and a space of it; answers the space's ticket. */
  readonly create: () => string
  /** What one may come in by; how it is accepted by another identity, which is made for it; what that is let in with. */
  readonly offer: () => string
  readonly accept: (offer: string) => string
  readonly admit: (acceptance: string) => string
  /** Enters with what one was let in with; answers the ticket. */
  readonly enter: (welcome: string) => string
  /** Opens the space of a ticket; answers what is held before anything new has come. */
  readonly open: (ticket: string) => Held
  /** Imports all rows; ends when they are durable. */
  readonly import: (limit: number) => number
  readonly pass: (gate: Gate) => void
  /** Begins to edit and goes on until `rest`. */
  readonly edit: () => void
  /** Writes the `remark` of the first rows, each in a change of its own; answers how many. */
  readonly cutEdit: (rows: number) => number
  /** Of how many of the first rows a `remark` that somebody else wrote is here. */
  readonly foreignRemarks: (rows: number) => number
  /** Ends when the last edit has its receipt; answers how many calls were made. */
  readonly rest: () => number
  /** Ends when all that is here is stored by that device. */
  readonly synced: (device: string) => void
  readonly frontier: () => string
  readonly state: () => State
}

export interface KubeCalls {
  readonly url: () => string
}

/** For how long the proxy was silent, and what it carried meanwhile. */
export interface Silence {
  readonly seconds: number
  readonly bytes: number
}

export interface ProxyCalls {
  readonly listen: (target: string) => string
  /** From now on forwards nothing and answers nothing; keeps what is connected. */
  readonly silence: () => void
  /** Resets everything that is connected, then works again. */
  readonly reset: () => Silence
  /** Bytes that it carried, both directions. */
  readonly bytes: () => number
}

/** What a folder holds, all of it verified and folded anew. */
export interface Audited extends Held {
  readonly stateHash: string
  readonly frontier: string
  readonly blocks: number
  readonly signatures: number
  readonly changes: number
  /** Receipts that no feed in the folder bears out. */
  readonly missing: ReadonlyArray<string>
  /** Change sets that no receipt names. */
  readonly uncovered: ReadonlyArray<Change>
  /** Blocks that are nonsense, or that this version cannot read. */
  readonly problems: ReadonlyArray<string>
}

export interface AuditCalls {
  /** Without journals nothing is compared. */
  readonly audit: (folder: string, ticket: string, journals: ReadonlyArray<string> | null) => Audited
}

export interface Modelled extends Outcome {
  /** Registers `remark` of the rows of the cut that have two heads. */
  readonly remarks: number
  readonly changes: number
  readonly inFlight: number
  readonly problems: ReadonlyArray<string>
}

export interface ModelCalls {
  readonly fold: (journals: ReadonlyArray<string>, uncovered: ReadonlyArray<Change>, limit: number) => Modelled
}

export type Call = (...input: ReadonlyArray<never>) => unknown
export type Calls<C> = { readonly [K in keyof C]: Call }

/** What answers the calls of an interface. */
export type Handlers<C, R> = {
  readonly [K in keyof C]: C[K] extends (...input: infer I) => infer O ? (...input: I) => Effect.Effect<O, unknown, R> : never
}

/** From parent to child. */
export interface Request {
  readonly call: string
  readonly id: number
  readonly input: ReadonlyArray<unknown>
}

/** From child to parent: an answer, or something that happened. */
export type Message =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly held: Held }
