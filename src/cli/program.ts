/**
 * The command line: its commands, and how each ends.
 *
 * Exit code 0 says that a command did what it claims, 1 that it could not (with the reason in a sentence or two on standard error),
 * 2 that it was called wrongly. A face: commands build layers and print, and hold no logic.
 */
import { readFileSync } from "node:fs"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { exitFailed, failureText } from "./Failure.ts"
import { folder } from "./folder.ts"
import { identity } from "./identity.ts"
import { kube } from "./kube.ts"
import { exitMisused, Miscalled, presenter } from "./Misuse.ts"
import { simulate } from "./simulate.ts"

const troupe = Command.make("troupe").pipe(
  Command.withDescription("Local-first, peer-to-peer spaces: the command line of Troupe."),
  Command.withSubcommands([folder, identity, kube, simulate])
)

const version = (): string => {
  // the same place from src/cli/ and from dist/cli/
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8")
  return (JSON.parse(text) as { readonly version: string }).version
}

const surroundings = Layer.mergeAll(
  NodeServices.layer,
  CliOutput.layerPresenter(presenter),
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
)

const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  // Ctrl-C is how a server is told to stop; whoever was to show something and has not says so by the process's exit code
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return Number(process.exitCode ?? 0)
  const error = Cause.squash(exit.cause)
  return CliError.isCliError(error) || error instanceof Miscalled ? exitMisused : exitFailed
}

const said = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const error = Cause.squash(cause)
  if (Cause.hasInterruptsOnly(cause) || CliError.isCliError(error)) return Effect.void
  return Console.error(error instanceof Miscalled ? error.message : failureText(cause))
}

/** Ends the process once all that was printed has left it, since a pipe that is read slowly takes it in parts. */
const ends = (exit: Exit.Exit<unknown, unknown>, onExit: (code: number) => void): void => {
  const end = () => onExit(exitCode(exit))
  // whoever presses Ctrl-C waits for no reader
  if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) end()
  else process.stdout.write("", () => process.stderr.write("", end))
}

/** Runs a command as the arguments ask for it, and ends the process. */
export const runCommand = <Name extends string, Input, ContextInput, E>(
  command: Command.Command<Name, Input, ContextInput, E, NodeServices.NodeServices>,
  args: ReadonlyArray<string>
): void =>
  Command.runWith(command, { version: version() })(args).pipe(Effect.tapCause(said), Effect.provide(surroundings), (program) =>
    NodeRuntime.runMain(program, { disableErrorReporting: true, teardown: ends })
  )

/** `troupe` itself. */
export const main = (args: ReadonlyArray<string>): void => runCommand(troupe, args)
