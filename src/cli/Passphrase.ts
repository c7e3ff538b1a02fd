/**
 * How a passphrase comes to a command: asked for on a terminal that does not show it, or as one line of a file descriptor.
 *
 * Never as an argument or a variable of the environment, which other processes of the machine and histories of shells show. What asks
 * goes to standard error, since standard output is for results.
 */
import { fstatSync, readSync } from "node:fs"
import { Socket } from "node:net"
import { isatty } from "node:tty"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Terminal from "effect/Terminal"
import { PassphraseUnread } from "./Failure.ts"
import { Miscalled } from "./Misuse.ts"

/** Bytes of the line that holds a passphrase, and seconds in which it has to come. */
const lineMax = 4_096
const waitFor = "60 seconds"

/** The number of a file descriptor that holds a passphrase; standard output and standard error hold none. */
export const fromFd = (name: string, says: string): Flag.Flag<Option.Option<number>> =>
  Flag.Int(name).pipe(
    Flag.filter(
      (fd) => fd === 0 || (fd > 2 && fd < 1_024),
      (fd) => `Expected the number of a file descriptor to be read from, such as 3, not ${fd}`
    ),
    Flag.withDescription(says),
    Flag.optional
  )

/** Which passphrase a command takes, for people, and the flag that names a file descriptor for it. */
interface Wanted {
  readonly flag: string
  readonly asks: string
  /** Whether it has to be typed twice, since nothing else shows a slip of the hand. */
  readonly isNew?: boolean
}

/** The passphrase of a file descriptor when one was named, else what is typed. */
export const passphrase = (wanted: Wanted, fd: Option.Option<number>) =>
  Option.isSome(fd) ? lineOf(fd.value, wanted.flag) : typed(wanted)

const typed = Effect.fnUntraced(function* ({ asks, flag, isNew = false }: Wanted) {
  if (!process.stdin.isTTY)
    return yield* new Miscalled({
      says: `There is no terminal to ask for ${asks}. Give it as a line of a file descriptor, such as --${flag} 3 3<FILE`
    })
  const first = yield* hidden(asks)
  if (Redacted.value(first) === "") return yield* new PassphraseUnread({ reason: "A passphrase cannot be empty." })
  if (!isNew || Redacted.value(yield* hidden(`${asks}, once more`)) === Redacted.value(first)) return first
  return yield* new PassphraseUnread({ reason: "The two are not the same. Try again." })
})

const hidden = (message: string) =>
  Effect.flatMap(Terminal.Terminal, (terminal) =>
    Prompt.run(Prompt.Hidden({ message })).pipe(
      Effect.provideService(Terminal.Terminal, Terminal.make({ ...terminal, display: onStandardError })),
      Effect.mapError(() => new PassphraseUnread({ reason: "No passphrase was given." }))
    )
  )

const onStandardError = (text: string): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.stderr.write(text, () => resume(Effect.void))
  })

const lineOf = Effect.fnUntraced(function* (fd: number, flag: string) {
  const unreadable = (why: string) =>
    new Miscalled({ says: `File descriptor ${fd} ${why}. Open it for reading, such as --${flag} ${fd} ${fd}<FILE` })
  if (isatty(fd)) return yield* new Miscalled({ says: `File descriptor ${fd} is a terminal: leave --${flag} out, and be asked.` })
  const kind = yield* Effect.try({ try: () => fstatSync(fd), catch: () => unreadable("is not open") })
  if (!kind.isFile() && !kind.isFIFO() && !kind.isSocket()) return yield* unreadable("is neither a file nor a pipe")
  const bytes = yield* kind.isFile()
    ? fromFile(fd, () => unreadable("cannot be read"))
    : fromPipe(fd, () => unreadable("cannot be read"))
  const end = bytes.indexOf("\n")
  const line = bytes.toString("utf8", 0, end < 0 ? bytes.length : end).replace(/\r$/, "")
  bytes.fill(0)
  if (line === "") return yield* new PassphraseUnread({ reason: `File descriptor ${fd} holds no passphrase.` })
  if (line.length > lineMax) return yield* new PassphraseUnread({ reason: `The line of file descriptor ${fd} is too long.` })
  return Redacted.make(line)
})

const fromFile = (fd: number, failed: () => Miscalled) =>
  Effect.try({
    try: () => {
      const bytes = Buffer.alloc(lineMax + 2)
      return bytes.subarray(0, readSync(fd, bytes))
    },
    catch: failed
  })

/**
 * What a pipe brings up to the end of its first line; a thread that reads would keep the process from ending while nothing comes. Where
 * nothing came, the descriptor is left open: it may be one of Node's own, which was not meant.
 */
const fromPipe = (fd: number, failed: () => Miscalled) =>
  Effect.callback<Buffer, Miscalled>((resume) => {
    const socket = new Socket({ fd, readable: true, writable: false })
    let held = Buffer.alloc(0)
    const over = () => {
      socket.destroy()
      resume(Effect.succeed(held))
    }
    socket.on("data", (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      if (held.includes("\n") || held.length > lineMax) over()
    })
    socket.on("end", over)
    socket.on("error", () => resume(Effect.fail(failed())))
  }).pipe(
    Effect.timeoutOrElse({
      duration: waitFor,
      orElse: () => Effect.fail(new PassphraseUnread({ reason: `Nothing came on file descriptor ${fd} for ${waitFor}.` }))
    })
  )
