/**
 * What the body of a world does to its links: cuts, clogs, slows, corrupts and heals them, each with a line in the trace.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { World } from "../../services/simulation/World.ts"
import type { WorldNetwork } from "./WorldNetwork.ts"

type Faults = Pick<
  World,
  | "partition"
  | "cut"
  | "mend"
  | "part"
  | "clog"
  | "unclog"
  | "corrupt"
  | "corrupted"
  | "heal"
  | "reset"
  | "slow"
  | "touched"
  | "signaling"
>

export const make = ({ signaling, wires }: WorldNetwork): Faults => {
  const { links, note } = wires.ground
  const both = (one: string, other: string) => {
    links.cut(one, other)
    links.cut(other, one)
  }
  const told = (kind: string, details: ReadonlyArray<string | number>, act: () => void) =>
    Effect.sync(() => {
      note(kind, ...details)
      act()
    })
  return {
    partition: (groups) =>
      told("partition", [groups.map((group) => group.join("+")).join("|")], () =>
        groups.forEach((group, i) => {
          for (const others of groups.slice(i + 1)) for (const one of group) for (const other of others) both(one, other)
        })
      ),
    cut: (from, to) => told("cut", [from, to], () => links.cut(from, to)),
    mend: (from, to) =>
      told("mend", [from, to], () => {
        links.mend(from, to)
        wires.healed()
      }),
    part: (one, other) => told("part", [one, other], () => both(one, other)),
    clog: (from, to) => told("clog", [from, to], () => links.clog(from, to)),
    unclog: (from, to) =>
      told("unclog", [from, to], () => {
        links.unclog(from, to)
        wires.healed()
      }),
    corrupt: (from, to, frames = 1) => told("corrupt", [from, to, frames], () => links.corrupt(from, to, frames)),
    corrupted: Effect.sync(() => links.corrupted),
    heal: told("heal", [], () => {
      links.mendAll()
      wires.healed()
    }),
    reset: (node, other) => Effect.sync(() => wires.reset(node, other ?? null)),
    slow: (from, to, by) => {
      const millis = Duration.toMillis(by)
      return told("slow", [from, to, millis], () => links.slow(from, to, millis * 1_000))
    },
    touched: (from, to) => Effect.sync(() => links.touched(from, to)),
    signaling: signaling.faults
  }
}
