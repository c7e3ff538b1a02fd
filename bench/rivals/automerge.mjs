/** Automerge: a map of maps; every change is taken, as a provider does; catch-up by its sync protocol. */
import * as A from "@automerge/automerge"
import { answer, chunksOf, digestOf, keys, medianOf, milliseconds, workOf } from "../src/Workload.ts"

const sync = (from, to) => {
  let [a, b, bytes] = [A.initSyncState(), A.initSyncState(), 0]
  for (;;) {
    let message
    let isQuiet = true
    ;[b, message] = A.generateSyncMessage(to, b)
    if (message !== null) {
      isQuiet = false
      bytes += message.length
      ;[from, a] = A.receiveSyncMessage(from, a, message)
    }
    ;[a, message] = A.generateSyncMessage(from, a)
    if (message !== null) {
      isQuiet = false
      bytes += message.length
      ;[to, b] = A.receiveSyncMessage(to, b, message)
    }
    if (isQuiet) return { peer: to, bytes }
  }
}

await answer(({ phase, ...size }) => {
  const work = workOf(size)
  let doc = A.from({ objects: {} })
  const write = (body) => {
    doc = A.change(doc, body)
    return A.getLastLocalChange(doc)
  }
  let start = performance.now()
  let at = 0
  for (const chunk of chunksOf(work.objects)) {
    write((draft) => {
      for (const cells of chunk) draft.objects[String(at++)] = Object.fromEntries(keys.map((key, i) => [key, cells[i]]))
    })
  }
  const createMs = milliseconds(start)
  if (phase === "single") {
    const times = work.transactions.flat().map(({ key, object, value }) => {
      const before = performance.now()
      write((draft) => {
        draft.objects[String(object)][keys[key]] = value
      })
      return milliseconds(before) * 1000
    })
    return { singleUs: medianOf(times) }
  }
  start = performance.now()
  for (const updates of work.transactions) {
    write((draft) => {
      for (const { key, object, value } of updates) draft.objects[String(object)][keys[key]] = value
    })
  }
  const updateMs = milliseconds(start)
  start = performance.now()
  const { bytes, peer } = sync(doc, A.init())
  const cells = work.objects.map((_, i) => keys.map((key) => peer.objects[String(i)][key]))
  const catchUpMs = milliseconds(start)
  return { createMs, updateMs, catchUpMs, bytes, digest: digestOf(cells.length, (i, key) => cells[i][key]) }
})
