/**
 * 10,000 mutants of everything that peers send, through the real store, connection and delivery, each judged by a second verifier.
 *
 * The seed is fixed. Another: `TROUPE_SEED=n npx vitest run test/fuzz/fuzz.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { equal } from "./cbor.ts"
import { type Base, corpus, corpusBytes, dataOfC, frames, type Item, ticketItem } from "./corpus.ts"
import { flip, mutators } from "./mutators.ts"
import { Device } from "./product.ts"
import { Random } from "./random.ts"
import { Coverage, Table } from "./report.ts"
import { passedOn, signedAgain } from "./signing.ts"
import { type Mutant, Trials } from "./trials.ts"

const count = 10_000
const signedCount = 3_600
const seed = Number(process.env["TROUPE_SEED"] ?? 1)
const random = new Random(seed)
const coverage = new Coverage(corpus)
const originals = corpus.map(({ bytes }) => bytes)
const isOriginal = (frame: Uint8Array): boolean => originals.some((original) => equal(original, frame))
const bases: ReadonlyArray<Base> = ["empty", "fresh", "grown"]

/** Where an item is offered: mostly where it would be taken. */
const baseOf = (item: Item): Mutant["base"] => {
  if (item === ticketItem) return "ticket"
  return random.below(5) > 0 ? item.base : random.pick(bases)
}

/** Base64url apart, a ticket is bytes like all else: half of its mutants are spelled well. */
const mutatedTicket = (name: string): Uint8Array => {
  const bytes = new Uint8Array(Buffer.from(Buffer.from(ticketItem.bytes).toString(), "base64url"))
  const mutant = mutators[name]!(bytes, random, originals)
  coverage.hit(ticketItem.name, Math.floor((mutant.from * 4) / 3), Math.ceil((mutant.to * 4) / 3))
  return new TextEncoder().encode(Buffer.from(mutant.bytes).toString("base64url"))
}

/** Makes one until it differs from the whole corpus. */
const different = (making: () => Mutant): Mutant => {
  for (;;) {
    const mutant = making()
    if (!isOriginal(mutant.frame)) return mutant
  }
}

const mutate = (name: string): Mutant => {
  const item = random.pick(corpus)
  if (item === ticketItem && random.below(2) === 0) return { mutator: name, frame: mutatedTicket(name), base: "ticket" }
  const { bytes, from, to } = mutators[name]!(item.bytes, random, originals)
  if (!isOriginal(bytes)) coverage.hit(item.name, from, to)
  return { mutator: name, frame: bytes, base: baseOf(item) }
}

function* mutants(): Generator<Mutant> {
  let left = count - signedCount
  for (const item of corpus) {
    for (let at = 0; at < item.bytes.length; at++, left--) {
      coverage.hit(item.name, at, at + 1)
      const base = item === ticketItem ? "ticket" : item.base
      yield { mutator: "bit flip", frame: flip(item.bytes, at, random.below(8)).bytes, base }
    }
  }
  const names = [...Object.keys(mutators), ...Object.keys(passedOn)]
  for (; left > 0; left--) {
    const name = names[left % names.length]!
    const making = passedOn[name]
    yield different(() => (making === undefined ? mutate(name) : { mutator: name, ...making(random) }))
  }
  const weighted = signedAgain.flatMap((each) => Array.from({ length: each[1] }, () => each))
  for (let n = 0; n < signedCount; n++) {
    const [name, , making] = weighted[n % weighted.length]!
    yield different(() => ({ mutator: name, ...making(random) }))
  }
}

describe("fuzz", () => {
  it("the corpus is small, and both verifiers accept all of it", () => {
    assert.isAtMost(corpusBytes, 4_096)
    for (const { base, bytes, name } of corpus) {
      const { outcome, wrong } = new Trials().try({ mutator: "", frame: bytes, base: name === ticketItem.name ? "ticket" : base })
      assert.deepStrictEqual(wrong, [], name)
      assert.include(["accepted", "delivered", "waits"], outcome, name)
    }
  })

  it(`${count} mutants, seed ${seed}`, { timeout: 300_000 }, () => {
    const trials = new Trials()
    const table = new Table()
    const wrong: Array<string> = []
    let [total, slowest, hungriest] = [0, 0, 0]
    const start = performance.now()
    for (const mutant of mutants()) {
      const trial = trials.try(mutant)
      total++
      table.add(mutant.mutator, trial.outcome)
      slowest = Math.max(slowest, trial.milliseconds)
      hungriest = Math.max(hungriest, trial.bytes)
      for (const each of trial.wrong) {
        wrong.push(`#${total} ${mutant.mutator} at ${mutant.base}: ${each}\n  ${Buffer.from(mutant.frame).toString("hex")}`)
      }
    }
    const seconds = (performance.now() - start) / 1_000
    const behind = ["accepted", "bad-proof", "delivered", "forked", "frozen", "gap", "opaque", "stopped", "waits"]
    const past = behind.reduce((sum, name) => sum + table.count(name, "signed: "), 0)
    console.log(
      [
        `${total} mutants of ${corpusBytes} bytes, seed ${seed}, in ${seconds.toFixed(1)} s`,
        table.text(),
        "Offsets hit:",
        coverage.text(),
        `signed again: ${signedCount}, past the signature: ${past}`,
        `slowest: ${slowest.toFixed(1)} ms (50 allowed); hungriest: ${(hungriest / 2 ** 20).toFixed(2)} MiB (16 allowed)`,
        `wrong: ${wrong.length}`
      ].join("\n")
    )
    assert.deepStrictEqual(wrong.slice(0, 20), [])
    assert.strictEqual(total, count)
    assert.strictEqual(coverage.missed, 0)
    assert.isAtLeast(past, 1_000)
    for (const each of ["delivered", "opaque", "stopped", "waits", "forked", "bad-signature", "bad-proof", "gap", "malformed"]) {
      assert.isAbove(table.count(each), 0, `no mutant came to ${each}`)
    }
    for (const base of bases) {
      const device = Device.taking(frames[base])
      assert.isTrue(device.offer(dataOfC).accepted, "a fresh store takes the other feed afterwards")
      assert.strictEqual(device.deliver(false).progress.size >= 1, true)
    }
  })
})
