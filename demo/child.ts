/**
 * A process of the demo, as its parent holds it: started in a scope, asked by calls, and never left behind.
 *
 * A child that ends without having been told to is the end of the run, with the last that it said on standard error.
 */
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Calls, Held, Message, Request } from "./calls.ts"
import type { Player } from "./stage.ts"

export class ChildDied extends Data.TaggedError("ChildDied")<{
  readonly name: string
  readonly how: string
  readonly said: string
}> {
  override get message() {
    return `${this.name} ended unasked (${this.how}). The last it said:\n${this.said.trim() || "nothing"}`
  }
}

class CallFailed extends Data.TaggedError("CallFailed")<{
  readonly name: string
  readonly call: string
  readonly reason: string
}> {
  override get message() {
    return `${this.name} failed at "${this.call}": ${this.reason}`
  }
}

export interface Start {
  readonly name: string
  readonly script: string
  readonly args?: ReadonlyArray<string>
  readonly onHeld?: (held: Held) => void
  /** Told of a child that ended unasked. */
  readonly deaths: Deferred.Deferred<never, ChildDied>
}

/** How long a process may take to end by itself. */
const endSeconds = 20
const saidBytesMax = 8192

class Line {
  private readonly waiting = new Map<
    number,
    { readonly call: string; readonly done: Deferred.Deferred<unknown, ChildDied | CallFailed> }
  >()
  private readonly process: ChildProcess
  private readonly start: Start
  private isEndExpected = false
  private said = ""
  private last = 0

  constructor(start: Start) {
    this.start = start
    this.process = fork(fileURLToPath(new URL(start.script, import.meta.url)), [...(start.args ?? [])], {
      stdio: ["ignore", "pipe", "pipe", "ipc"]
    })
    const note = (chunk: Buffer): void => {
      this.said = (this.said + chunk.toString()).slice(-saidBytesMax)
    }
    this.process.stdout?.on("data", note)
    this.process.stderr?.on("data", note)
    this.process.on("message", (message) => this.hear(message as Message))
    this.process.on("error", (error) => this.end(String(error)))
    this.process.on("close", (code, signal) => this.end(signal === null ? `exit code ${code}` : `signal ${signal}`))
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  readonly ended = Deferred.makeUnsafe<void, ChildDied>()

  private hear(message: Message): void {
    if ("held" in message) {
      this.start.onHeld?.(message.held)
      return
    }
    const waiting = this.waiting.get(message.id)
    if (waiting === undefined) return
    this.waiting.delete(message.id)
    const failed = (reason: string) => new CallFailed({ name: this.start.name, call: waiting.call, reason })
    Deferred.doneUnsafe(waiting.done, "error" in message ? Effect.fail(failed(message.error)) : Effect.succeed(message.value))
  }

  private end(how: string): void {
    const isClean = this.isEndExpected && (how === "exit code 0" || how === "signal SIGKILL")
    const died = new ChildDied({ name: this.start.name, how, said: this.said })
    Deferred.doneUnsafe(this.ended, isClean ? Effect.void : Effect.fail(died))
    for (const { done } of this.waiting.values()) Deferred.doneUnsafe(done, Effect.fail(died))
    this.waiting.clear()
    if (!isClean) Deferred.doneUnsafe(this.start.deaths, Effect.fail(died))
  }

  private send(request: Request): void {
    if (this.process.connected) this.process.send(request)
  }

  ask(call: string, input: ReadonlyArray<unknown>): Effect.Effect<unknown, ChildDied | CallFailed> {
    return Effect.suspend(() => {
      const done = Deferred.makeUnsafe<unknown, ChildDied | CallFailed>()
      const id = ++this.last
      this.waiting.set(id, { call, done })
      this.send({ id, call, input })
      return Deferred.await(done)
    })
  }

  readonly close: Effect.Effect<void, ChildDied> = Effect.suspend(() => {
    this.isEndExpected = true
    this.send({ id: 0, call: "close", input: [] })
    const how = `still there ${endSeconds} s after it was asked to end`
    const stays = Effect.suspend(() => Effect.fail(new ChildDied({ name: this.start.name, how, said: this.said })))
    return Effect.timeoutOrElse(Deferred.await(this.ended), { duration: `${endSeconds} seconds`, orElse: () => stays })
  })

  readonly kill = Effect.suspend(() => {
    this.isEndExpected = true
    this.process.kill("SIGKILL")
    return Effect.ignore(Deferred.await(this.ended))
  })
}

/** Starts a process; its scope kills it. */
export const start = <C extends Calls<C>>(options: Start): Effect.Effect<Player<C>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Line(options)),
      (line) => line.kill
    ),
    (line) => ({
      name: options.name,
      pid: line.pid,
      // both ends are compiled from one interface, so what comes back is what it says
      ask: (call, ...input) => line.ask(call, input) as ReturnType<Player<C>["ask"]> as never,
      kill: line.kill,
      close: line.close
    })
  )
