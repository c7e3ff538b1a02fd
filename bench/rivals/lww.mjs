/** The ceiling: a Map of objects with a stamp for each property, last writer wins, no history; catch-up ships the state as JSON. */
import { answer, digestOf, keys, medianOf, milliseconds, workOf } from "../src/Workload.ts"

class Row {
  constructor(cells, stamps) {
    this.cells = cells
    this.stamps = stamps
  }
}

await answer(({ phase, ...size }) => {
  const work = workOf(size)
  let clock = 0
  const state = new Map()
  const put = (into, id, key, value, stamp) => {
    let row = into.get(id)
    if (row === undefined) into.set(id, (row = new Row([], [0, 0, 0, 0, 0])))
    if (stamp < row.stamps[key]) return
    row.cells[key] = value
    row.stamps[key] = stamp
  }
  let start = performance.now()
  work.objects.forEach((cells, i) => {
    clock++
    for (let key = 0; key < keys.length; key++) put(state, String(i), key, cells[key], clock)
  })
  const createMs = milliseconds(start)
  if (phase === "single") {
    const times = work.transactions.flat().map(({ key, object, value }) => {
      const before = performance.now()
      put(state, String(object), key, value, ++clock)
      return milliseconds(before) * 1000
    })
    return { singleUs: medianOf(times) }
  }
  start = performance.now()
  for (const updates of work.transactions) {
    clock++
    for (const { key, object, value } of updates) put(state, String(object), key, value, clock)
  }
  const updateMs = milliseconds(start)
  start = performance.now()
  const text = JSON.stringify([...state].map(([id, row]) => [id, row.cells, row.stamps]))
  const peer = new Map()
  for (const [id, cells, stamps] of JSON.parse(text)) {
    for (let key = 0; key < keys.length; key++) put(peer, id, key, cells[key], stamps[key])
  }
  const cells = work.objects.map((_, i) => peer.get(String(i)).cells)
  const catchUpMs = milliseconds(start)
  return { createMs, updateMs, catchUpMs, bytes: text.length, digest: digestOf(cells.length, (i, key) => cells[i][key]) }
})
