/**
 * The records of a log: each is one batch, and a reader can tell whether it is whole.
 *
 *     checksum (4 bytes) | length of what follows (4) | for each change: length of its key (4), of its value (4), key, value
 *
 * The checksum goes over the length too: a crash may leave zeros, which else were a record of nothing with the checksum of nothing.
 */
import type { Change } from "troupe"

/** In place of a value's length. */
const removed = 0xffffffff

/** One batch as a record, in bytes of its own. */
export const recordOf = (changes: ReadonlyArray<Change>): Uint8Array => {
  const length = changes.reduce((sum, { key, value }) => sum + 8 + key.length + (value?.length ?? 0), 0)
  const record = new Uint8Array(8 + length)
  const view = new DataView(record.buffer)
  let at = 8
  for (const { key, value } of changes) {
    view.setUint32(at, key.length)
    view.setUint32(at + 4, value === null ? removed : value.length)
    record.set(key, at + 8)
    record.set(value ?? [], at + 8 + key.length)
    at += 8 + key.length + (value?.length ?? 0)
  }
  view.setUint32(4, length)
  view.setUint32(0, checksum(record.subarray(4)))
  return record
}

/** The changes of a log in their order, up to the first record that is not whole. */
export const changesIn = (log: Uint8Array): ReadonlyArray<Change> => {
  const changes: Array<Change> = []
  const view = new DataView(log.buffer, log.byteOffset, log.length)
  for (let at = 0; at + 8 <= log.length; ) {
    const end = at + 8 + view.getUint32(at + 4)
    if (end > log.length || checksum(log.subarray(at + 4, end)) !== view.getUint32(at)) break
    for (at += 8; at < end; ) {
      const from = at + 8 + view.getUint32(at)
      const isRemoved = view.getUint32(at + 4) === removed
      const to = isRemoved ? from : from + view.getUint32(at + 4)
      changes.push({ key: log.subarray(at + 8, from), value: isRemoved ? null : log.subarray(from, to) })
      at = to
    }
  }
  return changes
}

/** CRC-32. */
const checksum = (bytes: Uint8Array): number => {
  let sum = -1
  for (const byte of bytes) sum = (sum >>> 8) ^ table[(sum ^ byte) & 0xff]!
  return ~sum >>> 0
}
const table = Int32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n
})
