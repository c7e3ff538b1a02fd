/**
 * A shopping list that a household shares: what is wanted, and who has bought it. Each device has all of it, and works offline.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType, type Space } from "troupe"

const Item = ObjectType.make("Item", { name: Schema.String })

// #region purchase
/** Somebody has bought an item. Two who buy it apart make two of them, and when they meet, both are there. */
const Purchase = ObjectType.make("Purchase", { item: Schema.String, by: Schema.String })

export const buy = (space: Space, item: string, by: string) => space.create(Purchase, { item, by })
// #endregion purchase

/** An item as the list shows it. */
export interface Line {
  readonly id: string
  readonly name: string
  /** Who has bought it; nobody while it is wanted. */
  readonly boughtBy: ReadonlyArray<string>
}

export const add = (space: Space, name: string) => space.create(Item, { name })

export const lines = Effect.fnUntraced(function* (space: Space) {
  const items = yield* space.query(Item, { orderBy: "name" }).all
  const purchases = yield* space.query(Purchase, { orderBy: "by" }).all
  return items.map(({ id, name }): Line => {
    return { id, name, boughtBy: purchases.filter(({ item }) => item === id).map(({ by }) => by) }
  })
})
