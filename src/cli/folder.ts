/**
 * `troupe folder`: what seals a data folder.
 */
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { dataFlags, loaded, passphraseOf, whole } from "./DataFolder.ts"
import { Miscalled } from "./Misuse.ts"
import { fromFd, passphrase } from "./Passphrase.ts"

const none = Flag.Boolean("none").pipe(
  Flag.withDefault(false),
  Flag.withDescription("Gives the passphrase up: whoever has the folder can then read it.")
)
const newPassphraseFd = fromFd(
  "new-passphrase-fd",
  "The file descriptor whose first line is the new passphrase; it is asked for unless said."
)
const json = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription('Prints one line of JSON: {"sealed":"passphrase"}')
)

const says = {
  passphrase: "is sealed by its new passphrase. Nothing brings it back: keep it well",
  file: 'is sealed by its file "key" alone, and whoever has the folder can read it'
}

const change = Command.make("passphrase", { ...dataFlags, newPassphraseFd, none, json }, (options) =>
  Effect.gen(function* () {
    const { data, newPassphraseFd: newFd, passphraseFd } = options
    if (options.none && Option.isSome(newFd))
      return yield* new Miscalled({ says: "--none and --new-passphrase-fd say two things: leave one of them out." })
    if (Option.isSome(newFd) && Option.getOrNull(passphraseFd) === newFd.value)
      return yield* new Miscalled({ says: "The old passphrase and the new one need a file descriptor each." })
    const from = yield* passphraseOf(options)
    const wanted = { flag: "new-passphrase-fd", asks: `the new passphrase of ${data}`, isNew: true }
    const to = options.none ? undefined : yield* passphrase(wanted, newFd)
    const { changePassphrase } = yield* loaded
    yield* changePassphrase({ folder: data, from, to })
    const sealed = to === undefined ? "file" : "passphrase"
    const old = from === undefined ? "" : " An old copy of the folder still opens with the old one."
    return yield* Console.log(options.json ? JSON.stringify({ sealed }) : `${data} ${says[sealed]}.${old}`)
  }).pipe(whole)
).pipe(Command.withDescription("Sets the passphrase of a data folder, changes it, or gives it up."))

export const folder = Command.make("folder").pipe(
  Command.withDescription("What seals a data folder."),
  Command.withSubcommands([change])
)
