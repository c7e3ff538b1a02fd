/**
 * Actors by a name and a list of `Rpc`s, as effect/cluster defines an Entity: what can be asked of one, typed.
 *
 * One definition serves everywhere: `toLayer` runs actors of this name here, `client` reaches one by its address. In process nothing is
 * encoded; payloads are the decoded values. Handlers take one message at a time, so state in plain variables needs no lock.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Rpc from "effect/rpc/Rpc"
import * as RpcSchema from "effect/rpc/RpcSchema"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Fate, Message } from "../../schema/actor/Message.ts"
import type { ActorError, ActorRef, AskOptions, SendOptions } from "./ActorRef.ts"
import { type ActorOptions, type ActorSelf, ActorSystem, type Handlers, Self } from "./ActorSystem.ts"

export { type Call, Callers, type MayCall, members, nobody } from "./Callers.ts"

/** A message on its way, as its sender sees it. `Actor.settled` waits for the end of it. */
export type Told = Pick<Message, "fate" | "isSettled" | "result" | "tag" | "payload">

type Args<R, Options> = [Rpc.Payload<R>] extends [void]
  ? [payload?: undefined, options?: Options]
  : [payload: Rpc.Payload<R>, options?: Options]

/** Asks: an Effect of the reply, or a Stream that is pulled at the asker's pace. */
export type Ask<R> =
  Rpc.Success<R> extends Stream.Stream<infer A, infer E, infer _R>
    ? (...args: Args<R, AskOptions>) => Stream.Stream<A, E | Rpc.Error<R> | ActorError>
    : (...args: Args<R, AskOptions>) => Effect.Effect<Rpc.Success<R>, Rpc.Error<R> | ActorError>

/** One actor, as others see it: a method for each Rpc, and those that every actor has. */
export type Client<Rpcs extends Rpc.Any> = { readonly [R in Rpcs as R["_tag"]]: Ask<R> } & Omit<
  ActorRef,
  "tell" | "tellUnsafe" | "ask"
> & {
    /** Hands over a message and does not wait for its turn; under `suspend` it waits for room. */
    readonly tell: <Tag extends Rpcs["_tag"]>(
      tag: Tag,
      ...args: Args<Rpc.ExtractTag<Rpcs, Tag>, SendOptions>
    ) => Effect.Effect<Told>
    /** The same, outside of Effect and without waiting for room. */
    readonly tellUnsafe: <Tag extends Rpcs["_tag"]>(tag: Tag, ...args: Args<Rpc.ExtractTag<Rpcs, Tag>, SendOptions>) => Told
  }

type Answer<R> =
  Rpc.Success<R> extends Stream.Stream<infer A, infer E, infer _R>
    ?
        | Stream.Stream<A, E | Rpc.Error<R>, unknown>
        | Effect.Effect<Stream.Stream<A, E | Rpc.Error<R>, unknown>, Rpc.Error<R>, unknown>
    : Rpc.Success<R> | Effect.Effect<Rpc.Success<R>, Rpc.Error<R>, unknown>

/** A handler for each Rpc: a function of the payload, or what it would answer. */
export type HandlersOf<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: ((payload: Rpc.Payload<R>) => Answer<R>) | Answer<R>
}

type NeedsOfAnswer<A> =
  A extends Effect.Effect<infer B, infer _E, infer R>
    ? R | (B extends Stream.Stream<infer _A, infer _SE, infer SR> ? SR : never)
    : A extends Stream.Stream<infer _A, infer _E, infer R>
      ? R
      : never
/** The services that handlers need. */
export type Needs<H> = {
  [K in keyof H]: H[K] extends (...args: infer _A) => infer Answered ? NeedsOfAnswer<Answered> : NeedsOfAnswer<H[K]>
}[keyof H]

/** Names that an object has already, besides those that every client has. */
const taken = ["constructor", "then", "toString", "valueOf", "ref"]

export interface Actor<Name extends string, Rpcs extends Rpc.Any> {
  readonly name: Name
  /** The handlers of this actor, checked and typed. */
  readonly handlers: <H extends HandlersOf<Rpcs>>(handlers: H) => H
  /** Runs actors of this name; `build` is run for each of them when it is activated, in a scope that ends with it. */
  readonly toLayer: <H extends HandlersOf<Rpcs>, E = never, R = never>(
    build: H | Effect.Effect<H, E, R>,
    options?: ActorOptions
  ) => Layer.Layer<never, never, ActorSystem | Exclude<R | Needs<H>, Scope.Scope | Self>>
  /**
   * Says on which device the actor of an address lives, by the same function on each. Those of this device are run by `toLayer`; others
   * are called over the connection to theirs, as far as their Rpcs let this device (`Actor.Callers`). Clients that were made before do not
   * know of it: provide it beneath what calls.
   */
  readonly placed: (where: (address: string) => string) => Layer.Layer<never, never, ActorSystem>
  /** The actor at an address. It need not be there yet. */
  readonly client: (address: string) => Effect.Effect<Client<Rpcs>, never, ActorSystem>
  /** The actor whose handlers are being built. */
  readonly self: Effect.Effect<Omit<ActorSelf, "become"> & { readonly become: (handlers: HandlersOf<Rpcs>) => void }, never, Self>
}

export const make = <const Name extends string, const Rpcs extends Rpc.Any>(
  name: Name,
  rpcs: ReadonlyArray<Rpcs>
): Actor<Name, Rpcs> => {
  const faces = facesOf(name, rpcs)
  const replies = new Map<string, Schema.Top>()
  for (const rpc of rpcs) {
    const { successSchema } = rpc as Rpc.Any as Rpc.AnyWithProps
    if (!RpcSchema.isStreamSchema(successSchema)) replies.set(rpc._tag, successSchema)
  }
  return {
    name,
    handlers: (handlers) => handlers,
    toLayer: <H extends HandlersOf<Rpcs>, E, R>(build: H | Effect.Effect<H, E, R>, options: ActorOptions = {}) => {
      type Needed = R | Needs<H>
      const handlers: Effect.Effect<Handlers, E, Needed> = Effect.isEffect(build) ? build : Effect.succeed(build)
      const definition = { name, rpcs, build: handlers, options, replyOf: (tag: string) => replies.get(tag) as Reply | undefined }
      return Layer.effectDiscard(ActorSystem.use((system) => system.register(definition)))
    },
    placed: (where) => Layer.effectDiscard(ActorSystem.use((system) => system.place({ name, rpcs, where }))),
    client: (address) => ActorSystem.useSync((system) => faces(system.ref(name, address)) as Client<Rpcs>),
    self: Self
  }
}

type Reply = Schema.Codec<unknown, unknown>

/** Waits until it is settled what became of a message. */
export const settled = (told: Told): Effect.Effect<Exclude<Fate, "waiting" | "handling">> =>
  Effect.callback((resume) => {
    const message = told as Message
    message.listen(({ fate }) => resume(Effect.succeed(fate as Exclude<Fate, "waiting" | "handling">)))
  })

/** Makes the clients of one actor: the methods are made once, so that a client is one small object. */
const facesOf = (name: string, rpcs: ReadonlyArray<Rpc.Any>) => {
  class Face {
    readonly ref: ActorRef
    constructor(ref: ActorRef) {
      this.ref = ref
    }
  }
  const methods: Record<string, PropertyDescriptor> = {}
  const get = (key: "actor" | "address" | "stop" | "kill" | "start" | "ended" | "step") => {
    methods[key] = {
      get(this: Face) {
        return this.ref[key]
      }
    }
  }
  const call = (key: "tell" | "tellUnsafe" | "inspect" | "hold" | "release") => {
    methods[key] = {
      value(this: Face, tag: string, payload: unknown, options?: SendOptions) {
        return this.ref[key](tag, payload, options)
      }
    }
  }
  for (const key of ["actor", "address", "stop", "kill", "start", "ended", "step"] as const) get(key)
  for (const key of ["tell", "tellUnsafe", "inspect", "hold", "release"] as const) call(key)
  for (const rpc of rpcs) {
    const tag = rpc._tag
    if (taken.includes(tag) || methods[tag] !== undefined)
      throw new Error(`${name} cannot have an Rpc named ${tag}: choose another name`)
    const isStream = RpcSchema.isStreamSchema((rpc as Rpc.AnyWithProps).successSchema)
    methods[tag] = {
      value: function (this: Face, payload: unknown, options?: AskOptions) {
        const asked = this.ref.ask(tag, payload, options)
        return isStream ? Stream.unwrap(asked as Effect.Effect<Stream.Stream<unknown, unknown>, unknown>) : asked
      }
    }
  }
  Object.defineProperties(Face.prototype, methods)
  return (ref: ActorRef): unknown => new Face(ref)
}
