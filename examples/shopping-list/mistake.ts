/**
 * The same list with a mistake in it, for docs/simulation.md: who has bought an item is kept in the item, as an array.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ObjectType, type Space } from "troupe"
import type { Line } from "./list.ts"

// #region item
const Item = ObjectType.make("Item", { name: Schema.String, boughtBy: Schema.Array(Schema.String) })

export const buy = Effect.fnUntraced(function* (space: Space, item: string, by: string) {
  const found = yield* space.get(Item, item)
  if (found !== undefined) yield* space.update(found, { boughtBy: [...found.boughtBy, by] })
})
// #endregion item

export const add = (space: Space, name: string) => space.create(Item, { name, boughtBy: [] })

export const lines = (space: Space) =>
  Effect.map(space.query(Item, { orderBy: "name" }).all, (items): ReadonlyArray<Line> => items)
