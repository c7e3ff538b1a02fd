/**
 * The data folder that a command works on: named by `--data`, and opened with its passphrase where it has one.
 */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Redacted } from "effect/Redacted"
import { exitFailed } from "./Failure.ts"
import { fromFd, passphrase } from "./Passphrase.ts"

export const dataFlags = {
  data: Flag.Directory("data", { mustExist: true }).pipe(Flag.withDescription("The data folder of a peer.")),
  passphraseFd: fromFd(
    "passphrase-fd",
    "The file descriptor whose first line is the folder's passphrase; it is asked for unless said."
  )
}

/** What the flags of a data folder say. */
export interface Data {
  readonly data: string
  readonly passphraseFd: Option.Option<number>
}

/** The peer's code, loaded when it is needed, so that help answers without it. */
export const loaded = Effect.promise(() => import("../layers/peer/PeerNode.ts"))

/** The passphrase of a folder: undefined where it is sealed by its file and none was named. */
export const passphraseOf = Effect.fnUntraced(function* ({ data, passphraseFd }: Data) {
  const { sealedBy } = yield* loaded
  const isAsked = (yield* sealedBy(data)) === "passphrase" || passphraseFd._tag === "Some"
  const wanted = { flag: "passphrase-fd", asks: `the passphrase of ${data}` }
  const given: Redacted<string> | undefined = isAsked ? yield* passphrase(wanted, passphraseFd) : undefined
  return given
})

/** A command that has not told what it was asked for did not do it: Ctrl-C is no success here, as it is of a server. */
export const whole = Effect.onInterrupt(() =>
  Effect.sync(() => {
    process.exitCode = exitFailed
  })
)

/** The peer of a folder, which is not on the network, until the scope ends. */
export const opened = Effect.fnUntraced(function* (given: Data) {
  const passphrase = yield* passphraseOf(given)
  const { open } = yield* loaded
  return yield* open({ folder: given.data, passphrase })
})
