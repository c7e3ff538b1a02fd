/** Yjs: a map of maps; every transaction's update is taken, as a provider does; catch-up by one full update. */
import * as Y from "yjs"
import { answer, chunksOf, digestOf, keys, medianOf, milliseconds, workOf } from "../src/Workload.ts"

const fill = (doc, objects) => {
  const root = doc.getMap("objects")
  let at = 0
  for (const chunk of chunksOf(objects)) {
    doc.transact(() => {
      for (const cells of chunk) {
        const map = new Y.Map()
        keys.forEach((key, i) => map.set(key, cells[i]))
        root.set(String(at++), map)
      }
    })
  }
  return root
}

await answer(({ phase, ...size }) => {
  const work = workOf(size)
  const doc = new Y.Doc()
  let log = []
  doc.on("update", (update) => log.push(update))
  let start = performance.now()
  const root = fill(doc, work.objects)
  const createMs = milliseconds(start)
  if (phase === "single") {
    const times = work.transactions.flat().map(({ key, object, value }) => {
      log = []
      const before = performance.now()
      root.get(String(object)).set(keys[key], value)
      return milliseconds(before) * 1000
    })
    return { singleUs: medianOf(times) }
  }
  start = performance.now()
  for (const updates of work.transactions) {
    doc.transact(() => {
      for (const { key, object, value } of updates) root.get(String(object)).set(keys[key], value)
    })
  }
  const updateMs = milliseconds(start)
  start = performance.now()
  const bytes = Y.encodeStateAsUpdate(doc)
  const peer = new Y.Doc()
  Y.applyUpdate(peer, bytes)
  const there = peer.getMap("objects")
  const cells = work.objects.map((_, i) => keys.map((key) => there.get(String(i)).get(key)))
  const catchUpMs = milliseconds(start)
  return { createMs, updateMs, catchUpMs, bytes: bytes.length, digest: digestOf(cells.length, (i, key) => cells[i][key]) }
})
