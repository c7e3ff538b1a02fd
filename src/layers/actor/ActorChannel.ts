/**
 * The channel of calls to the actors of one name, and what of their Rpcs it asks: all that is known of calls before there is one.
 */
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcSchema from "effect/rpc/RpcSchema"
import { channelNameBytesMax } from "../../schema/platform/Limits.ts"

export const wireVersion = 0

/** The channel of the actors of a name; null when the name is too long for one. */
export const channelOf = (actor: string): string | null => {
  const name = `actor/${actor}`
  return new TextEncoder().encode(name).length > channelNameBytesMax ? null : name
}

/** Whether the reply of an Rpc is a stream. */
export const isStreaming = (rpc: Rpc.Any): boolean => RpcSchema.isStreamSchema((rpc as Rpc.AnyWithProps).successSchema)
