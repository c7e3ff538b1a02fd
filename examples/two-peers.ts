/**
 * Two devices, one space: both write, both see both. Everything is real: files, signatures, a server on loopback, two sockets.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType } from "troupe"
import { Kube } from "troupe/kube"
import { PeerNode } from "troupe/node"

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "troupe-"))

// #region program
const Task = ObjectType.make("Task", { title: Schema.String, done: Schema.Boolean })

const program = Effect.gen(function* () {
  const kube = yield* Kube.open({ host: "127.0.0.1", port: 0 })
  const alice = yield* PeerNode.open({ folder: `${folder}/alice`, kube: kube.url })
  const bob = yield* PeerNode.open({ folder: `${folder}/bob`, kube: kube.url })

  yield* alice.identities.create({ name: "Alice" })
  yield* bob.identities.create({ name: "Bob" })

  const home = yield* alice.spaces.create({ name: "Home" })
  const milk = yield* home.create(Task, { title: "Milk", done: false })

  const acceptance = yield* bob.accept(yield* home.membership.offer("editor"))
  const same = yield* bob.enter(yield* home.membership.admit(acceptance))
  const found = yield* same.query(Task, { where: { done: false } }).first
  yield* Console.log("Bob finds", found.title)
  yield* same.update(found, { done: true })

  const done = yield* home.query(Task, { where: { done: true } }).first
  yield* Console.log("Alice sees", done.title, "done:", done.id === milk.id)
})
// #endregion program

await Effect.runPromise(Effect.scoped(program))
fs.rmSync(folder, { recursive: true })
