/**
 * Randomness of a simulated world: one stream for each concern, and single draws that depend on nothing but their keys.
 *
 * Nothing shares a stream, so that a fault more or less does not reshuffle all the rest. Integers and divisions only: `Math.log` and
 * its like may differ in the last bit between engines. sfc32 by Chris Doty-Humphrey (PractRand); the mixing of murmur3 (fmix32).
 */

/** 32 bits in which every bit of the input counts. */
export const mix32 = (bits: number): number => {
  let h = bits
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** FNV-1a over the characters of a text, mixed. */
const hash32 = (text: string, from = 0x811c9dc5): number => {
  let h = from
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return mix32(h)
}

/** The same over bytes. */
export const hashBytes = (bytes: Uint8Array): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193)
  return mix32(h)
}

export type Seed = number | string

/** A number for a concern of a world. */
export const keyOf = (seed: Seed, ...parts: ReadonlyArray<string | number>): number => hash32(`${seed}|${parts.join("|")}`)

/** The n-th draw under a key: below `below`, and independent of every other draw. */
export const drawn = (key: number, n: number, below: number): number =>
  below <= 1 ? 0 : mix32((key + Math.imul(n + 1, 0x9e3779b9)) | 0) % below

/** A sequence of draws. */
export class Stream {
  private a: number
  private b: number
  private c: number
  private count = 1

  constructor(key: number) {
    this.a = key | 0
    this.b = mix32(key + 1) | 0
    this.c = mix32(key + 2) | 0
    for (let i = 0; i < 12; i++) this.bits()
  }

  /** 32 bits. */
  bits(): number {
    const sum = (((this.a + this.b) | 0) + this.count) | 0
    this.count = (this.count + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** An integer from 0 to before `below`. */
  below(below: number): number {
    return below <= 1 ? 0 : this.bits() % below
  }

  /** A number from 0 to before 1, of 53 bits. */
  fraction(): number {
    return ((this.bits() >>> 5) * 67_108_864 + (this.bits() >>> 6)) / 9_007_199_254_740_992
  }

  /** Whether something happens that happens once in `of` times. */
  oneIn(of: number): boolean {
    return this.below(of) === 0
  }

  pick<A>(from: ReadonlyArray<A>): A {
    return from[this.below(from.length)]!
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.bits()
    return bytes
  }
}

/** Few find what hides between two operations, many what takes long; some seeds leave it alone. */
const preemptions = [0, 8, 30, 100, 1_000]

/** The mean number of operations after which a fiber gives way, in the worlds of a seed; 0 for never. */
export const preemptionOf = (seed: Seed): number => streamOf(seed, "preemption").pick(preemptions)

export const streamOf = (seed: Seed, ...parts: ReadonlyArray<string | number>): Stream => new Stream(keyOf(seed, ...parts))
