/**
 * The peers of a topic, each as an authenticated channel.
 *
 * Above it nobody sees signaling, transports or handshakes: a swarm calls `onPeer` once for every channel that a member of the space
 * opened and proved, runs what it answers until the channel ends, and connects again for as long as its scope is open. Once the devices
 * are proved, their connection carries further channels by name, for whoever serves or opens them.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import type { Entered, EntranceRefused } from "../halo/Entrance.ts"
import type { StorageError } from "../platform/Storage.ts"
import type { Channel, ConnectionClosed } from "./Connection.ts"

/** A channel to a member's device, after both ends have proved their device keys. Each frame is one message. */
export interface PeerChannel {
  /** The other device's public key, 32 bytes, and the same as text (base64url). */
  readonly device: Uint8Array
  readonly deviceText: string
  readonly socket: Socket.Socket
  /** Bytes that crossed the connection so far, both directions, framing included. */
  readonly bytesOnWire: () => number
  /** What `enter` answered, or null where nobody has to be let in. */
  readonly entered: Entered | null
}

/** A device that has proved its key on a channel, and is to be let in. */
export interface EnteringPeer {
  readonly device: Uint8Array
  readonly deviceText: string
  readonly channel: Channel
}

/** Channels of a name and version that other devices open beside the first one. */
export interface Served {
  readonly name: string
  readonly version: number
  /** Runs in a fiber of its own until it is done, which closes the channel, or the scope of `serve` closes. */
  readonly onChannel: (channel: Channel, peer: Pick<PeerChannel, "deviceText">) => Effect.Effect<void, unknown>
}

/** No connection to the device stands. */
export class NotConnected extends Schema.TaggedError<NotConnected>()("NotConnected", { device: Schema.String }) {
  override get message() {
    return `${this.device} is not connected. Devices connect while both have the same space open and can reach each other; try again then.`
  }
}

export class Swarm extends Context.Service<
  Swarm,
  {
    /** Joins the swarm of a space and stays in it until the scope closes. */
    readonly join: (options: {
      readonly space: Uint8Array
      readonly device: Uint8Array
      /** Who is let in; with `enter` only whose place in the entrance is never taken by others. */
      readonly isMember: (device: Uint8Array) => boolean
      /** Whose device a member's is, where people have several: they share room in the entrance. */
      readonly personOf?: (device: Uint8Array) => string | null
      /**
       * Lets in whoever has proved a device key, before it counts as connected and before any other channel is opened. It has 30 s, and
       * at most 16 devices are in the entrance at once; its scope is that of the connection.
       */
      readonly enter?: (
        peer: EnteringPeer
      ) => Effect.Effect<Entered, EntranceRefused | ConnectionClosed | StorageError, Scope.Scope>
      /** The name and version of the channel: `echo/replicate`, and 1 with an entrance, 0 without. */
      readonly channel: string
      readonly version: number
      /** Runs in a fiber and scope of its own; its failure closes that channel and nothing else. */
      readonly onPeer: (peer: PeerChannel) => Effect.Effect<void, unknown, Scope.Scope>
    }) => Effect.Effect<void, never, Scope.Scope>
    /** Answers channels that proved devices open, on whichever connection, until the scope closes. A name has one server at a time. */
    readonly serve: (served: Served) => Effect.Effect<void, never, Scope.Scope>
    /** Opens a channel to a device that is connected. Who does not serve it closes it (`no such channel`). */
    readonly open: (device: string, name: string, version: number) => Effect.Effect<Channel, NotConnected>
  }
>()("troupe/mesh/Swarm") {}
