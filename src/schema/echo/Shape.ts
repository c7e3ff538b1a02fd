/**
 * Which keys a record has, shared by all records with the same keys written in the same order.
 *
 * A record is then one flat array, and a key costs its record nothing: hidden classes, as JavaScript engines have them. Records with
 * many keys, and all once there are many shapes, have a shape of their own: free keys cost what they hold and no more, and shapes
 * cannot be made without end by whoever writes strange keys.
 */
import { compareText } from "../platform/Codec.ts"

/** Keys of a shared shape; a record with more has its own. */
const sharedKeysMax = 48

export class Shape {
  readonly keys: Array<string>
  private readonly places: Map<string, number>
  private readonly next: Map<string, Shape> | null
  private readonly family: ShapeFamily
  private order: ReadonlyArray<number> | null = null

  constructor(keys: Array<string>, isShared: boolean, family: ShapeFamily) {
    this.keys = keys
    this.places = new Map(keys.map((key, place) => [key, place]))
    this.next = isShared ? new Map() : null
    this.family = family
  }

  /** The shape without keys, of the same space. */
  get root(): Shape {
    return this.family.empty
  }

  get isShared(): boolean {
    return this.next !== null
  }

  /** The place of a key, or −1. */
  find(key: string): number {
    const place = this.places.get(key)
    return place === undefined ? -1 : place
  }

  /** The shape with one more key, at the last place. */
  with(key: string): Shape {
    if (this.next === null) {
      this.places.set(key, this.keys.length)
      this.keys.push(key)
      this.order = null
      return this
    }
    const known = this.next.get(key)
    if (known !== undefined) return known
    const keys = [...this.keys, key]
    if (keys.length > sharedKeysMax || !this.family.mayGrow()) return new Shape(keys, false, this.family)
    const shape = new Shape(keys, true, this.family)
    this.next.set(key, shape)
    return shape
  }

  /** Only of an own shape: drops the key at `place`; the last key moves there. */
  drop(place: number): void {
    const last = this.keys.pop()!
    this.order = null
    if (place === this.keys.length) {
      this.places.delete(last)
      return
    }
    this.places.delete(this.keys[place]!)
    this.keys[place] = last
    this.places.set(last, place)
  }

  /** The places in the order of their keys' bytes. */
  sorted(): ReadonlyArray<number> {
    this.order ??= this.keys.map((_, place) => place).sort((a, b) => compareText(this.keys[a]!, this.keys[b]!))
    return this.order
  }
}

/** The shapes of one space. */
export class ShapeFamily {
  private left: number
  /** The shape without keys. */
  readonly empty: Shape

  /** At most `shapesMax` shared shapes. */
  constructor(shapesMax = 4096) {
    this.left = shapesMax
    this.empty = new Shape([], true, this)
  }

  mayGrow(): boolean {
    if (this.left === 0) return false
    this.left--
    return true
  }
}
