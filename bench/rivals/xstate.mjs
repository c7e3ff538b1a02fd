/** XState 5, by `fromTransition`, its fastest kind of actor: a reducer over events; an ask carries a function that is called with the sum. */
import { createActor, fromTransition } from "xstate"
import { answer, heap, inFlight, now, ringActors } from "../src/ActorsWork.ts"

const counter = () =>
  createActor(
    fromTransition((sum, event) => {
      const added = sum + event.by
      event.reply?.(added)
      return added
    }, 0)
  ).start()

const ask = (actor) => new Promise((reply) => actor.send({ type: "add", by: 1, reply }))

const works = {
  tell: async (count) => {
    const actor = counter()
    const start = now()
    for (let i = 0; i < count; i++) actor.send({ type: "add", by: 1 })
    return { seconds: now() - start, sum: actor.getSnapshot().context, bytes: 0 }
  },
  ask: async (count) => {
    const actor = counter()
    const start = now()
    let sum = 0
    for (let i = 0; i < count; i++) sum = await ask(actor)
    return { seconds: now() - start, sum, bytes: 0 }
  },
  asks: async (count) => {
    const actor = counter()
    const start = now()
    let sum = 0
    for (let done = 0; done < count; done += inFlight) {
      const all = await Promise.all(Array.from({ length: Math.min(inFlight, count - done) }, () => ask(actor)))
      sum = all.at(-1)
    }
    return { seconds: now() - start, sum, bytes: 0 }
  },
  ring: async (count) => {
    let hops = 0
    let done
    const actors = Array.from({ length: ringActors }, (_, i) =>
      createActor(
        fromTransition((state, { left }) => {
          hops++
          if (left === 0) done()
          // sent after this event, as from another actor; a nested call would overflow the stack
          else queueMicrotask(() => actors[(i + 1) % ringActors].send({ type: "hop", left: left - 1 }))
          return state
        }, 0)
      ).start()
    )
    const start = now()
    await new Promise((resolve) => {
      done = resolve
      actors[0].send({ type: "hop", left: count - 1 })
    })
    return { seconds: now() - start, sum: hops, bytes: 0 }
  },
  idle: async (count) => {
    const before = heap()
    const start = now()
    const actors = []
    for (let i = 0; i < count; i++) {
      actors.push(counter())
      actors[i].send({ type: "add", by: 1 })
    }
    const seconds = now() - start
    const bytes = (heap() - before) / count
    return { seconds, sum: actors.reduce((sum, actor) => sum + actor.getSnapshot().context, 0), bytes }
  }
}

await answer(({ count, work }) => works[work](count))
