/**
 * What is taken to be stored by others: what they said last, and nothing older.
 */
import { assert, describe, it } from "@effect/vitest"
import { Progress } from "../../src/schema/echo/Progress.ts"

const all = [
  ["mine", 5],
  ["other", 2],
  ["empty", 0]
] as const

/** Bob has acknowledged everything, on a connection that has ended. */
const withBobAway = (): Progress => {
  const progress = new Progress()
  progress.own("mine", [1, 2, 3, 4, 5])
  progress.connected("bob")
  for (const [feed, length] of all) progress.acknowledge("bob", feed, length)
  progress.disconnected("bob")
  return progress
}

describe("Progress", () => {
  it("a device that is away is taken to have what it acknowledged last", () => {
    const progress = withBobAway()
    assert.isTrue(progress.has("bob", all))
    assert.deepStrictEqual([...progress.acknowledgedBy()], [["bob", 5]])
    assert.deepStrictEqual(progress.online(), [])
  })

  it("a device that connects anew is taken to have what it says then, though it be less", () => {
    const progress = withBobAway()
    progress.connected("bob")
    assert.isFalse(progress.has("bob", all), "it has said nothing yet")
    progress.acknowledge("bob", "mine", 3)
    progress.acknowledge("bob", "mine", 2)
    assert.deepStrictEqual([...progress.acknowledgedBy()], [["bob", 3]])
    assert.strictEqual(progress.count(all), 0)
    // what it never named on this connection it may not have at all
    progress.acknowledge("bob", "mine", 5)
    assert.isFalse(progress.has("bob", all))
    progress.disconnected("bob")
    assert.isFalse(progress.has("bob", all))
    progress.connected("bob")
    for (const [feed, length] of all) progress.acknowledge("bob", feed, length)
    assert.isTrue(progress.has("bob", all))
  })

  it("connections on which nothing was said take nothing away", () => {
    const progress = withBobAway()
    for (let i = 0; i < 3; i++) {
      progress.connected("bob")
      progress.disconnected("bob")
    }
    assert.isTrue(progress.has("bob", all))
    // a second one beside the first
    progress.connected("bob")
    for (const [feed, length] of all) progress.acknowledge("bob", feed, length)
    progress.connected("bob")
    progress.disconnected("bob")
    assert.isTrue(progress.has("bob", all))
  })
})
