/**
 * Maelstrom's txn-list-append: a transaction reads what is there and appends to two lists, "x" and "y".
 *
 * Checked, by whoever reads at any moment: no part of a transaction without the rest (G1b, fractured reads), nothing of one that was
 * aborted (G1a), and no transaction without all those that it had read (causal consistency); in the end nothing acknowledged is missing.
 * Not promised, and not checked: one order for all (serializability), and that of two transactions apart one sees the other (lost update,
 * write skew): a register that both write has both values. A device shows its own writes before they are durable, so one that its disk
 * refuses was read there for a moment, and nowhere else.
 */
import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType, type Space } from "troupe"
import { Faults, type Trial, Workload } from "troupe/simulation"
import { it } from "troupe/testing"

const Appended = ObjectType.make("Appended", { list: Schema.String, value: Schema.Int, after: Schema.Array(Schema.Int) })

const read = (space: Space) => space.query(Appended).all

type Mistake = "in two changes" | "taken back" | null

/** The program: one change, which is aborted since a fraction is refused. The mistakes: two changes, and one that is undone by the next. */
const transact = Effect.fnUntraced(function* (space: Space, value: number, isAborted: boolean, mistake: Mistake) {
  const after = [...new Set((yield* read(space)).map((each) => each.value))]
  const x = { list: "x", value, after }
  const y = { list: "y", value: isAborted && mistake !== "taken back" ? 0.5 : value, after }
  if (mistake === "in two changes")
    return yield* Effect.forEach([x, y], (each) => space.create(Appended, each), { discard: true })
  const made = yield* space.change((transaction) => [x, y].map((each) => transaction.create(Appended, each)))
  if (isAborted) yield* Effect.forEach(made.value, (each) => space.delete(each), { discard: true })
})

const Step = Schema.Struct({ do: Schema.Literals(["read", "append", "abort"]) })

const body = (mistake: Mistake) => (world: Trial<typeof Step.Type>) =>
  Effect.gen(function* () {
    const shared = yield* world.together("Lists")
    const [aborted, acknowledged] = [new Set<number>(), new Set<number>()]
    let last = 0
    const judged = (space: Space) =>
      Effect.map(read(space), (found): true | string => {
        const values = new Set(found.map(({ value }) => value))
        for (const { after, value } of found) {
          if (found.filter((each) => each.value === value).length !== 2) return `half of transaction ${value} is shown`
          if (aborted.has(value)) return `transaction ${value} is shown, and it was aborted`
          const gap = after.find((each) => !values.has(each))
          if (gap !== undefined) return `transaction ${value} is shown without ${gap}, which it had read`
        }
        return true
      })
    yield* world.play((step, peer) =>
      shared.in(peer, (space) =>
        Effect.gen(function* () {
          const held = yield* judged(space)
          if (held !== true) return yield* world.violated("transactions", held, peer.name)
          if (step.do === "read") return
          const value = ++last
          if (step.do === "abort") aborted.add(value)
          yield* transact(space, value, step.do === "abort", mistake)
          if (step.do === "append") acknowledged.add(value)
        })
      )
    )
    yield* world.converged(shared, { within: "1 minute" })
    yield* world.check("transactions", (peer) => shared.in(peer, judged))
    yield* world.check("acknowledged", (peer) =>
      Effect.map(shared.in(peer, read), (found) => [...acknowledged].every((value) => found.some((each) => each.value === value)))
    )
  })

const options = { seeds: 20, faults: Faults.swarm, workload: Workload.make({ step: Step }) }

describe("Maelstrom: transactions", () => {
  it.simulated("transactions are whole, and come after what they had read", options, body(null))
  for (const mistake of ["in two changes", "taken back"] as const)
    it.simulated.fails(`finds a transaction ${mistake}`, { ...options, breaks: "transactions" }, body(mistake))
})
