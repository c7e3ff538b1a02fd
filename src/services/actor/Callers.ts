/**
 * Which other devices may call an Rpc of an actor. Declared with the Rpc, and asked before anything is handed to the actor.
 *
 * Calls of this device are not asked about. Of others none may, unless it is said: `Rpc.make(...).annotate(Actor.Callers, Actor.members)`.
 */
import * as Context from "effect/Context"

/** A call that came over a connection whose device has proved itself. */
export interface Call {
  /** The device that calls, as its own `peer.device` has it. */
  readonly device: string
  readonly address: string
  readonly tag: string
  readonly payload: unknown
}

export type MayCall = (call: Call) => boolean

/** Every device that is connected: those that have a space in common with this one. */
export const members: MayCall = () => true

/** No other device: what holds where nothing is said. */
export const nobody: MayCall = () => false

/** The annotation of an Rpc that says who may call it. */
export const Callers = Context.Reference<MayCall>("troupe/actor/Callers", { defaultValue: () => nobody })
