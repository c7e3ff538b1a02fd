/** Hypercore: appends single blocks or batches; a second store downloads everything through an encrypted stream in the process. */
import path from "node:path"
import Hypercore from "hypercore"
import { answer, digesting, entriesOf, sizeOf, temporary } from "../src/FeedsWork.ts"

const open = async (folder, key) => {
  const core = new Hypercore(folder, key)
  await core.ready()
  return core
}

/** `callers` at a time, each with calls of `batch` entries; all start before the first has ended. */
const append = async (core, entries, batch, callers) => {
  let next = 0
  const call = async () => {
    while (next < entries.length) {
      const from = next
      next += batch
      await core.append(batch === 1 ? entries[from] : entries.slice(from, from + batch))
    }
  }
  await Promise.all(Array.from({ length: callers }, call))
}

const digestOf = async (cores) => {
  const digest = digesting()
  for (const core of cores) for (let i = 0; i < core.length; i++) digest.add(await core.get(i))
  return digest.end()
}

await answer(async ({ batch, callers, entries, feeds, work }) => {
  const folder = temporary()
  const lists = Array.from({ length: feeds }, (_, i) => entriesOf(entries / feeds, i + 1).map((entry) => Buffer.from(entry)))
  const written = await Promise.all(lists.map((_, i) => open(path.join(folder, `written-${i}`))))
  let start = performance.now()
  for (const [i, core] of written.entries()) await append(core, lists[i], batch, callers)
  let seconds = (performance.now() - start) / 1_000
  let taken = written
  if (work === "ingest") {
    taken = await Promise.all(written.map((core, i) => open(path.join(folder, `taken-${i}`), core.key)))
    start = performance.now()
    const downloads = written.map((core, i) => {
      const here = core.replicate(true, { keepAlive: false })
      const there = taken[i].replicate(false, { keepAlive: false })
      here.pipe(there).pipe(here)
      return taken[i].download({ start: 0, end: lists[i].length }).done()
    })
    await Promise.all(downloads)
    seconds = (performance.now() - start) / 1_000
  }
  const digest = await digestOf(taken)
  await Promise.all([...new Set([...written, ...taken])].map((core) => core.close()))
  return { seconds, bytes: sizeOf(path.join(folder, work === "ingest" ? "taken-0" : "written-0")), digest }
})
