/**
 * CRC-32 (IEEE 802.3, reflected, polynomial edb88320): whether bytes are those that were written. It finds accidents, every single bit
 * among them, and keeps nobody out. Bytes: docs/format.md#storage-keys.
 */

/** Four tables, so that four bytes are taken at once. */
const tables = Array.from({ length: 4 }, () => new Int32Array(256))
const [t0, t1, t2, t3] = tables as [Int32Array, Int32Array, Int32Array, Int32Array]

for (let n = 0; n < 256; n++) {
  let rest = n
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
  t0[n] = rest
}
for (let n = 0; n < 256; n++)
  for (let i = 1; i < 4; i++) tables[i]![n] = (tables[i - 1]![n]! >>> 8) ^ t0[tables[i - 1]![n]! & 255]!

/** How many bytes a checksum has. */
export const checksumBytes = 4

/** The checksum of the bytes from one place up to another, big-endian. */
export const checksum = (bytes: Uint8Array, from: number, to: number): Uint8Array => {
  let sum = -1
  let at = from
  for (; at + 4 <= to; at += 4) {
    sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    sum = t3[sum & 255]! ^ t2[(sum >>> 8) & 255]! ^ t1[(sum >>> 16) & 255]! ^ t0[sum >>> 24]!
  }
  for (; at < to; at++) sum = (sum >>> 8) ^ t0[(sum ^ bytes[at]!) & 255]!
  sum = ~sum
  return Uint8Array.of(sum >>> 24, sum >>> 16, sum >>> 8, sum)
}
