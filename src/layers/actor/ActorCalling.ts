/**
 * Both ends of calls between devices, as one module that is loaded when there is a first one to be made or answered.
 *
 * It brings effect/rpc's client and server, and with them a tenth of all code that a Peer loads; few devices call actors of others.
 */
import { ActorLine, type LineOptions } from "./ActorLine.ts"

export { serving } from "./ActorServing.ts"
export { groupOf } from "./ActorWire.ts"

export const lineOf = (options: LineOptions): ActorLine => new ActorLine(options)
