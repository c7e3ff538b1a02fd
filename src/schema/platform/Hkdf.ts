/**
 * How much HKDF-SHA256 can give: 255 blocks of its hash. RFC 5869, 2.3.
 */

const lengthMax = 255 * 32

/** The length, or a RangeError. */
export const checkedLength = (length: number): number => {
  if (Number.isSafeInteger(length) && length >= 1 && length <= lengthMax) return length
  throw new RangeError(`HKDF-SHA256 gives 1 to ${lengthMax} bytes, and ${length} were asked for.`)
}
