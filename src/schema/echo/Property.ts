/**
 * One property of an object type: how application values become stored values and come back, compiled once.
 *
 * Strings, numbers and booleans without further demands are checked by hand; all else goes through its Schema. What the Schema encodes
 * to is stored as it is when it consists of values alone (records, arrays, bytes, …), otherwise in the Schema's JSON form: a Date is
 * its ISO text, a BigInt its digits, bytes beside a Date in one property base64. docs/format.md#objects
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { describe } from "../platform/ArgumentInvalid.ts"
import { isKeyAllowed, Unencodable, Writer } from "../platform/Codec.ts"
import { depthMax, keyBytesMax, valueBytesMax } from "../platform/Limits.ts"
import { ObjectRef, type Value } from "./ChangeSet.ts"
import { writeValue } from "./ValueCodec.ts"

/** Why a value was refused. A value and not an exception: peers' values are refused in hot loops. */
export class Refused {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** What a Schema demands of a stored value, and of what lies below it when that is a record. */
export interface Form {
  readonly accepts: (value: Value) => boolean
  /** For each kind of record that it allows: the form of what is at a key, or null when the key is passed over. */
  readonly records: () => ReadonlyArray<(key: string) => Form | null>
}

export interface Property {
  readonly key: string
  /** The path of the property alone. */
  readonly path: ReadonlyArray<string>
  readonly isOptional: boolean
  /** A string, number or boolean and nothing else. */
  readonly isPlain: boolean
  /** Application value to stored value. */
  readonly encode: (value: unknown) => Value | Refused
  /** Stored value to application value: frozen, and the same one for the same stored object. */
  readonly decode: (value: Value) => unknown
  readonly form: Form
}

type AnyCodec = Schema.ConstraintCodec<unknown, unknown>

export const compileProperty = (key: string, schema: AnyCodec): Property => {
  const isOptional = schema.ast.context?.isOptional ?? false
  const path = Object.freeze([key])
  const plain = plainKind(schema.ast)
  if (plain === null) return { key, path, isOptional, isPlain: false, ...throughSchema(schema) }
  return {
    key,
    path,
    isOptional,
    isPlain: true,
    encode: (value) => encodePlain(value, plain),
    decode: (value) => checkPlain(value, plain),
    form: { accepts: (value) => !(checkPlain(value, plain) instanceof Refused), records: noRecords }
  }
}

// Plain properties --------------------------------------------------------------------------------------------------------------

const noRecords = (): ReadonlyArray<never> => []

type Plain = "string" | "number" | "boolean" | "integer" | "finite"

const plainKind = (ast: SchemaAST.AST): Plain | null => {
  if (ast.encoding !== undefined) return null
  if (ast._tag === "Number" && ast.checks === Schema.Int.ast.checks) return "integer"
  if (ast._tag === "Number" && ast.checks === Schema.Finite.ast.checks) return "finite"
  if (ast.checks !== undefined) return null
  return ast._tag === "String" ? "string" : ast._tag === "Number" ? "number" : ast._tag === "Boolean" ? "boolean" : null
}

const encodePlain = (value: unknown, plain: Plain): Value | Refused => {
  const checked = checkPlain(value, plain)
  return typeof checked === "string" ? checkedText(checked) : checked
}

const checkPlain = (value: unknown, plain: Plain): string | number | boolean | Refused => {
  if (typeof value === "string") return plain === "string" ? value : notA(plain, value)
  if (typeof value === "boolean") return plain === "boolean" ? value : notA(plain, value)
  if (typeof value !== "number") return notA(plain, value)
  const fits =
    plain === "number" || (plain === "integer" ? Number.isSafeInteger(value) : plain === "finite" && Number.isFinite(value))
  return fits ? value : notA(plain, value)
}

const named = { string: "a string", number: "a number", boolean: "a boolean", integer: "an integer", finite: "a finite number" }

const notA = (plain: Plain, value: unknown): Refused => new Refused(`expected ${named[plain]}, got ${describe(value)}`)

const headerBytesMax = 9

const checkedText = (text: string): Value | Refused => {
  if (!text.isWellFormed()) return new Refused("the text holds half a surrogate pair")
  const isSurelySmall = text.length * 3 + headerBytesMax <= valueBytesMax
  return isSurelySmall || encodedBytes(text) <= valueBytesMax ? text : tooLarge
}

// Values ------------------------------------------------------------------------------------------------------------------------

const tooLarge = new Refused(`it takes more than ${valueBytesMax} bytes. Split it, or keep it outside and store a reference`)
const scratch = new Writer(valueBytesMax)

const encodedBytes = (value: Value): number => {
  scratch.reset()
  writeValue(scratch, value, () => 0)
  return scratch.length
}

/** A stored value made of what a Schema encoded to: copied, frozen, and within the limits of the format. */
const toValue = (from: unknown): Value | Refused => {
  try {
    const value = copied(from, 0)
    return typeof value === "object" && value !== null && encodedBytes(value) > valueBytesMax ? tooLarge : value
  } catch (error) {
    if (error instanceof Refused) return error
    if (error instanceof Unencodable) return new Refused(error.message)
    throw error
  }
}

const refuse = (reason: string): never => {
  throw new Refused(reason)
}

const copied = (from: unknown, depth: number): Value => {
  if (typeof from === "string") {
    const text = checkedText(from)
    return text instanceof Refused ? refuse(text.reason) : text
  }
  if (typeof from === "number" || typeof from === "boolean" || from === null) return from
  if (from instanceof Uint8Array) return from.slice()
  if (typeof from !== "object") return refuse(`a ${typeof from} cannot be stored`)
  if (depth >= depthMax) return refuse(`it is nested deeper than ${depthMax}`)
  if (Array.isArray(from)) return Object.freeze(from.map((each) => copied(each, depth + 1)))
  const prototype = Object.getPrototypeOf(from)
  if (prototype !== Object.prototype && prototype !== null) return refuse(`a ${prototype.constructor?.name} cannot be stored`)
  const record = Object.create(null) as { [key: string]: Value }
  for (const [key, each] of Object.entries(from)) {
    if (each === undefined) continue
    if (!isStorableKey(key)) refuse(`the key ${describe(key)} is not allowed`)
    record[key] = copied(each, depth + 1)
  }
  return Object.freeze(record)
}

/** Whether a key may be written: not one of JavaScript's own, well-formed, and of at most 256 bytes. */
export const isStorableKey = (key: string): boolean =>
  isKeyAllowed(key) &&
  key.isWellFormed() &&
  (key.length * 3 <= keyBytesMax || new TextEncoder().encode(key).length <= keyBytesMax)

// Through the Schema ------------------------------------------------------------------------------------------------------------

const formatIssue = SchemaIssue.makeFormatterDefault()

const throughSchema = (schema: AnyCodec): Pick<Property, "encode" | "decode" | "form"> => {
  const codec: AnyCodec = isMadeOfValues(flipToEncoded(schema), new Set()) ? schema : Schema.toCodecJson(schema)
  const encoding = SchemaParser.encodeUnknownResult(codec)
  const decoding = SchemaParser.decodeUnknownResult(codec)
  const decoded = new WeakMap<object, unknown>()
  const decode = (value: Value): unknown => {
    if (value instanceof ObjectRef) return new Refused("references cannot be read yet")
    return frozen(parse(() => decoding(value instanceof Uint8Array ? value.slice() : value)))
  }
  const remembered = (value: Value): unknown => {
    if (typeof value !== "object" || value === null) return decode(value)
    const known = decoded.get(value)
    if (known !== undefined) return known
    const made = decode(value)
    decoded.set(value, made)
    return made
  }
  return {
    encode: (value) => {
      const encoded = parse(() => encoding(value))
      return encoded instanceof Refused ? encoded : toValue(encoded)
    },
    decode: remembered,
    form: {
      accepts: (value) => !(remembered(value) instanceof Refused),
      records: () => recordsOf(codec.ast, new Map(), new Set())
    }
  }
}

/** Runs a parser. A Schema's own functions may throw at what they did not expect: that is a refusal like any other. */
const parse = (run: () => Result.Result<unknown, SchemaIssue.Issue>): unknown => {
  try {
    const result = run()
    return Result.isFailure(result) ? new Refused(formatIssue(result.failure)) : result.success
  } catch (error) {
    return new Refused(`its Schema failed on it (${error instanceof Error ? error.message : String(error)})`)
  }
}

const frozen = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
  const prototype = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value
  for (const each of Object.values(value)) frozen(each)
  return Object.freeze(value)
}

/** The forms of parts of a property's Schema, one for each node, so that a Schema that holds itself has finitely many. */
type Forms = Map<SchemaAST.AST, Form>

const formOf = (ast: SchemaAST.AST, forms: Forms): Form => {
  const known = forms.get(ast)
  if (known !== undefined) return known
  const decoding = SchemaParser.decodeUnknownResult(Schema.make<AnyCodec>(ast))
  const form: Form = {
    accepts: (value) => !(parse(() => decoding(value)) instanceof Refused),
    records: () => recordsOf(ast, forms, new Set())
  }
  forms.set(ast, form)
  return form
}

/** The kinds of records that a node is decoded from. */
const recordsOf = (ast: SchemaAST.AST, forms: Forms, met: Set<SchemaAST.AST>): ReadonlyArray<(key: string) => Form | null> => {
  if (met.has(ast)) return []
  met.add(ast)
  const { encoding } = ast
  if (encoding !== undefined) return recordsOf(encoding[encoding.length - 1]!.to, forms, met)
  if (ast._tag === "Suspend") return recordsOf(ast.thunk(), forms, met)
  if (ast._tag === "Union") return ast.types.flatMap((type) => recordsOf(type, forms, met))
  if (ast._tag !== "Objects") return []
  return [
    (key) => {
      const signature = ast.propertySignatures.find(({ name }) => name === key) ?? ast.indexSignatures[0]
      return signature === undefined ? null : formOf(signature.type, forms)
    }
  ]
}

const flipToEncoded = (schema: AnyCodec): SchemaAST.AST => Schema.toEncoded(schema).ast

/** Whether everything that an encoded side allows is a value that can be stored as it is. */
const isMadeOfValues = (ast: SchemaAST.AST, met: Set<SchemaAST.AST>): boolean => {
  if (met.has(ast)) return true
  met.add(ast)
  const all = (asts: ReadonlyArray<SchemaAST.AST>): boolean => asts.every((each) => isMadeOfValues(each, met))
  switch (ast._tag) {
    case "String":
    case "Number":
    case "Boolean":
    case "Null":
    case "Enum":
    case "TemplateLiteral":
      return true
    case "Literal":
      return typeof ast.literal !== "bigint"
    case "Declaration":
      return ast.run === Schema.Uint8Array.ast.run
    case "Arrays":
      return all(ast.elements) && all(ast.rest)
    case "Objects":
      return (
        ast.propertySignatures.every(({ name, type }) => typeof name === "string" && isMadeOfValues(type, met)) &&
        ast.indexSignatures.every(({ parameter, type }) => parameter._tag === "String" && isMadeOfValues(type, met))
      )
    case "Union":
      return all(ast.types)
    case "Suspend":
      return isMadeOfValues(ast.thunk(), met)
    default:
      return false
  }
}
