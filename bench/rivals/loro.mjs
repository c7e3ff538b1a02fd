/** Loro: a map of maps; every commit's update is taken, as a provider does; catch-up by one export of all updates. */
import { LoroDoc, LoroMap } from "loro-crdt"
import { answer, chunksOf, digestOf, keys, medianOf, milliseconds, workOf } from "../src/Workload.ts"

await answer(({ phase, ...size }) => {
  const work = workOf(size)
  const doc = new LoroDoc()
  let log = []
  doc.subscribeLocalUpdates((update) => log.push(update))
  const root = doc.getMap("objects")
  let start = performance.now()
  const maps = []
  for (const chunk of chunksOf(work.objects)) {
    for (const cells of chunk) {
      const map = root.setContainer(String(maps.length), new LoroMap())
      keys.forEach((key, i) => map.set(key, cells[i]))
      maps.push(map)
    }
    doc.commit()
  }
  const createMs = milliseconds(start)
  if (phase === "single") {
    const times = work.transactions.flat().map(({ key, object, value }) => {
      log = []
      const before = performance.now()
      maps[object].set(keys[key], value)
      doc.commit()
      return milliseconds(before) * 1000
    })
    return { singleUs: medianOf(times) }
  }
  start = performance.now()
  for (const updates of work.transactions) {
    for (const { key, object, value } of updates) maps[object].set(keys[key], value)
    doc.commit()
  }
  const updateMs = milliseconds(start)
  start = performance.now()
  const bytes = doc.export({ mode: "update" })
  const peer = new LoroDoc()
  peer.import(bytes)
  const there = peer.getMap("objects").toJSON()
  const catchUpMs = milliseconds(start)
  const digest = digestOf(work.objects.length, (i, key) => there[String(i)][keys[key]])
  return { createMs, updateMs, catchUpMs, bytes: bytes.length, digest }
})
