/**
 * `troupe identity`: the identities of a data folder, and their devices.
 *
 * It opens the folder and goes on no network, so what it says is what the folder knows.
 */
import * as Console from "effect/Console"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import type { Identity, IdentityDevice } from "../services/halo/IdentityService.ts"
import { dataFlags, opened, whole } from "./DataFolder.ts"

const json = Flag.Boolean("json").pipe(
  Flag.withDefault(false),
  Flag.withDescription(
    'Prints one line of JSON: {"device":"…","identities":[{"id":"…","name":"…","isConfirmed":…,"devices":[…]}]}'
  )
)

const told = Effect.fnUntraced(function* (identity: Identity) {
  const { device, id } = identity
  const devices = yield* identity.devices
  return { id, name: yield* identity.name, isConfirmed: yield* identity.isConfirmed, device, devices }
})
type Told = Effect.Success<ReturnType<typeof told>>

const day = (time: number): string => {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? "at no time that a calendar knows" : date.toISOString().slice(0, 10)
}

const deviceLine = ({ addedAt, device, isThis, lastSeen, name, platform }: IdentityDevice): string => {
  const what = [name === "" ? "(no name)" : name, ...(platform === "" ? [] : [platform])].join(", ")
  const when = isThis ? "this device" : lastSeen === null ? "nothing of it is here" : `last seen ${day(lastSeen)}`
  return `  ${device}  ${what}; added ${day(addedAt)}; ${when}`
}

const lines = ({ devices, id, isConfirmed, name }: Told): ReadonlyArray<string> => [
  `${id}  ${name === "" ? "(no name)" : name}${isConfirmed ? "" : "; its phrase was not typed here yet"}`,
  ...devices.map(deviceLine)
]

const list = Command.make("list", { ...dataFlags, json }, (options) =>
  Effect.gen(function* () {
    const { device, identities: service } = yield* opened(options)
    const identities = yield* Effect.forEach(yield* service.list, told)
    if (options.json) return yield* Console.log(JSON.stringify({ device, identities }))
    if (identities.length === 0) return yield* Console.log(`no identities in ${options.data}`)
    return yield* Console.log(identities.flatMap(lines).join("\n"))
  }).pipe(Effect.scoped, whole)
).pipe(Command.withDescription("Lists the identities of a data folder, and their devices. No other process may have it open."))

export const identity = Command.make("identity").pipe(
  Command.withDescription("The identities of a data folder."),
  Command.withSubcommands([list])
)
