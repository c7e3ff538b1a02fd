/**
 * What public functions take, judged at the call and before anything is made: for programs that no compiler has looked at.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { ArgumentInvalid, isObject } from "../../schema/platform/ArgumentInvalid.ts"

/** What an argument has to be, in words and as a test. */
export interface Takes<A> {
  readonly takes: string
  readonly holds: (given: unknown) => given is A
}

export const text = (takes: string): Takes<string> => ({ takes, holds: (given) => typeof given === "string" })

export const oneOf = <const A extends string | number>(...names: ReadonlyArray<A>): Takes<A> => ({
  takes: names.map((name) => JSON.stringify(name)).join(" or "),
  holds: (given): given is A => names.some((name) => name === given)
})

export const optional = <A>({ holds, takes }: Takes<A>): Takes<A | undefined> => ({
  takes: `${takes}, or nothing`,
  holds: (given): given is A | undefined => given === undefined || holds(given)
})

/** A moment, in milliseconds since 1970. */
export const moment: Takes<number> = {
  takes: "a time in milliseconds since 1970",
  holds: (given): given is number => typeof given === "number" && Number.isFinite(given) && given >= 0
}

export const phrase: Takes<Redacted.Redacted<string>> = {
  takes: `a seed phrase as Redacted.make("…")`,
  holds: (given): given is Redacted.Redacted<string> => Redacted.isRedacted(given) && typeof Redacted.value(given) === "string"
}

/** An object with these properties, each of which is what it has to be. */
export const object = <A extends object>(properties: { readonly [Name in keyof A]-?: Takes<A[Name] | undefined> }): Takes<A> => {
  const all = Object.entries<Takes<unknown>>(properties)
  return {
    takes: `an object with ${all.map(([name, { takes }]) => `${name}: ${takes}`).join("; ")}`,
    holds: (given): given is A => isObject(given) && all.every(([name, { holds }]) => holds(given[name]))
  }
}

/** The function, which dies of `ArgumentInvalid` when it is given something else: the program has to change. */
export const taking = <Given extends ReadonlyArray<unknown>, A, E, R>(
  call: string,
  takes: { readonly [At in keyof Given]: Takes<Given[At]> },
  work: (...given: Given) => Effect.Effect<A, E, R>
): ((...given: Given) => Effect.Effect<A, E, R>) => {
  const all: ReadonlyArray<Takes<unknown>> = takes
  return (...given) =>
    Effect.suspend(() => {
      for (const [at, { holds, takes }] of all.entries())
        if (!holds(given[at])) throw new ArgumentInvalid({ call, takes, given: given[at] })
      return work(...given)
    })
}
