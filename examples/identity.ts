/**
 * One person on two devices: an identity, its phrase, and a second device that comes in by three texts.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Kube } from "troupe/kube"
import { PeerNode } from "troupe/node"

// #region program
const program = Effect.gen(function* () {
  const kube = yield* Kube.open({ host: "127.0.0.1", port: 0 })
  const laptop = yield* PeerNode.open({ folder: "laptop", kube: kube.url })
  const phone = yield* PeerNode.open({ folder: "phone", kube: kube.url })

  const { identity, phrase } = yield* laptop.identities.create({ name: "Ann", device: "laptop", platform: "Linux" })
  yield* Console.log("write down", Redacted.value(phrase).split(" ").length, "words")
  yield* identity.confirm(phrase)
  yield* laptop.spaces.create({ name: "Home" })

  const acceptance = yield* phone.accept(identity.offer)
  const welcome = yield* identity.admit(acceptance)
  yield* phone.enter(welcome)

  const same = yield* phone.identities.get(identity.id)
  yield* same.rename(same.device, "phone", "Android")
  const [space] = yield* same.spaces
  const home = yield* phone.spaces.open(space!.ticket)
  yield* Console.log("devices in Home:", home.members.length)
})
// #endregion program

await Effect.runPromise(Effect.scoped(program))
