/**
 * What somebody is told who called `troupe` wrongly: what was wrong, what to type instead, nothing else, and exit code 2.
 *
 * All of it goes to standard error: standard output is for results alone, so that no script reads help as an answer.
 */
import * as Console from "effect/Console"
import type * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import type { FlagDoc, HelpDoc } from "effect/cli/HelpDoc"
import * as Schema from "effect/Schema"

export const exitMisused = 2

/** A command was called with something that it can do nothing with, which is seen only when it looks. */
export class Miscalled extends Schema.TaggedError<Miscalled>()("Miscalled", { says: Schema.String }) {
  override get message() {
    return this.says
  }
}

const flagUsage = ({ name, required, type }: FlagDoc): string => {
  const flag = type === "boolean" ? `--${name}` : `--${name} <${type}>`
  return required ? flag : `[${flag}]`
}

/** The whole call, every flag spelt out. */
const usageOf = ({ flags, usage }: HelpDoc): string => [usage.replace(/ \[flags\]$/, ""), ...flags.map(flagUsage)].join(" ")

/** A line for each thing that was wrong, then the call that would have been right. */
const misuseText = (
  errors: ReadonlyArray<CliError.NonShowHelpErrors>,
  commandPath: ReadonlyArray<string>,
  usage: string
): string => {
  const wrong = new Set(errors.map((error) => error.message.replace(/\s*\n\s*/g, " ").replace(/(?<![.?!])$/, ".")))
  return [...wrong, `Type: ${usage}`, `All of it: ${commandPath.join(" ")} --help`].join("\n")
}

const plain = CliOutput.defaultFormatter({ colors: false })

/** Help that was asked for is a result; help that was not is a complaint. */
export const presenter: CliOutput.Presenter = {
  present: (event) => {
    switch (event._tag) {
      case "Version":
        return Console.log(event.version)
      case "Help": {
        const text = plain.formatHelpDoc(event.helpDoc)
        return event.reason === "Requested" ? Console.log(text) : Console.error(text)
      }
      case "InvalidInvocation":
        return Console.error(misuseText(event.errors, event.commandPath, usageOf(event.helpDoc)))
    }
  }
}
