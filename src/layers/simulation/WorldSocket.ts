/**
 * An end of a connection between two peers of a simulated world, as a Socket over a wire.
 *
 * A write waits while the other end has not taken what was sent before; what was sent before a close still arrives.
 */
import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"
import { frameBytesMax, pipeBytesMax } from "../../schema/platform/Limits.ts"
import type { Site, Wire } from "../../schema/simulation/Wire.ts"
import type { Bell } from "../../services/platform/Bell.ts"
import type { WorldLife } from "./WorldLife.ts"

/** What has crossed the network. */
export interface Traffic {
  frames: number
  bytes: number
}

const closed = (code: number) => new Socket.SocketError({ reason: new Socket.SocketCloseError({ code }) })
const unwritten = (cause: string) => new Socket.SocketError({ reason: new Socket.SocketWriteError({ cause: new Error(cause) }) })
const utf8 = new TextEncoder()

/** An end of a connection between two peers, as a Socket. */
export class WorldSocket {
  readonly site: Site<Uint8Array>
  readonly socket: Socket.Socket
  private wire: Wire<Uint8Array> | null = null
  private traffic: Traffic | null = null
  private frames: Array<Uint8Array> = []
  private ended: Socket.SocketError | null = null
  private readonly data: Bell
  private readonly room: Bell

  constructor(life: WorldLife, data: Bell, room: Bell) {
    this.data = data
    this.room = room
    this.site = {
      node: life.name,
      owner: life,
      port: {
        receive: (frame) => {
          this.frames.push(frame)
          data.ring()
        },
        ended: (code) => this.end(code),
        room: () => room.ring()
      }
    }
    const write = (chunk: Uint8Array | string | Socket.CloseEvent) =>
      Socket.isCloseEvent(chunk)
        ? Effect.sync(() => this.close())
        : this.write(typeof chunk === "string" ? utf8.encode(chunk) : chunk)
    this.socket = Socket.make({
      reader: Effect.acquireRelease(Effect.succeed({ pull: this.pull, upgrade: Socket.SocketUpgradeError.unsupported }), () =>
        Effect.sync(() => this.close())
      ),
      writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) })
    })
  }

  attach(wire: Wire<Uint8Array>, traffic: Traffic): void {
    this.wire = wire
    this.traffic = traffic
    // who waited may have given up in the meantime
    if (this.ended !== null) wire.close(this.site)
  }

  close(): void {
    this.wire?.close(this.site)
    this.frames = []
    this.end(1000)
  }

  private end(code: number): void {
    this.ended ??= closed(code)
    this.data.ring()
    this.room.ring()
  }

  private write(frame: Uint8Array): Effect.Effect<void, Socket.SocketError> {
    return Effect.suspend(() => {
      const { traffic, wire } = this
      if (this.ended !== null || wire === null || traffic === null) return Effect.fail(unwritten("the connection is closed"))
      if (frame.length > frameBytesMax) return Effect.fail(unwritten(`a frame of ${frame.length} exceeds ${frameBytesMax}`))
      if (wire.untaken(this.site) >= pipeBytesMax) return Effect.flatMap(this.room.rung, () => this.write(frame))
      traffic.frames++
      traffic.bytes += frame.length
      wire.send(this.site, frame.slice(), frame.length)
      // another writer may wait at the same bell
      if (wire.untaken(this.site) < pipeBytesMax) this.room.ring()
      return Effect.void
    })
  }

  private readonly pull: Effect.Effect<readonly [Uint8Array, ...Array<Uint8Array>], Socket.SocketError> = Effect.suspend(() => {
    const [first, ...rest] = this.frames
    this.frames = []
    if (first !== undefined) {
      this.wire?.took(
        this.site,
        rest.reduce((sum, frame) => sum + frame.length, first.length)
      )
      return Effect.succeed([first, ...rest] as const)
    }
    return this.ended === null ? Effect.flatMap(this.data.rung, () => this.pull) : Effect.fail(this.ended)
  })
}
