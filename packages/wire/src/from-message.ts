import protobuf from 'protobufjs'
import { toDateTime } from './timestamp.ts'

/** The prefix of an enum's names: `SEVERITY_` of `SEVERITY_UNSPECIFIED`, as the protobuf style guide has it. */
export const toPrefix = ({ valuesById }: protobuf.Enum): string => (valuesById[0] ?? '').replace(/UNSPECIFIED$/, '')

export const isTimestamp = (type: protobuf.Type): boolean => type.fullName === '.google.protobuf.Timestamp'

// An enum value of a newer .proto has no name here: it stays a number, and the schema refuses it by its field.
const toWord = (value: unknown, type: protobuf.Enum): unknown =>
  typeof value === 'number' ? type.valuesById[value]?.slice(toPrefix(type).length).toLowerCase() ?? value : value

// 64-bit integers are decoded as Long; one beyond 2^53 comes out larger than the schema allows.
const toNumber = (value: unknown, type: string): unknown => type in protobuf.types.long ? Number(String(value)) : value

const toTime = (value: object): string => {
  const { seconds, nanos } = { seconds: 0, nanos: 0, ...value }
  return toDateTime({ seconds: Number(String(seconds)), nanos })
}

const toValue = (value: unknown, { type, resolvedType }: protobuf.Field): unknown => {
  if (resolvedType instanceof protobuf.Enum) return toWord(value, resolvedType)
  if (!(resolvedType instanceof protobuf.Type) || typeof value !== 'object' || value === null) return toNumber(value, type)
  return isTimestamp(resolvedType) ? toTime(value) : fromMessage(value, resolvedType)
}

const toField = (value: unknown, field: protobuf.Field): unknown => {
  if (field instanceof protobuf.MapField) return Object.fromEntries(Object.entries(value ?? {}).map(([name, one]) => [name, toValue(one, field)]))
  return Array.isArray(value) ? value.map(one => toValue(one, field)) : toValue(value, field)
}

// Proto3 does not tell an empty list from none. (Nor zero from nothing, but the decoder itself leaves that out.)
const isUnset = (value: unknown): boolean => Array.isArray(value) && value.length === 0

/** A decoded message in our JSON form: enums as lower-case words, timestamps as RFC 3339, integers as numbers; what is not set is absent. */
export const fromMessage = (message: object, type: protobuf.Type): Record<string, unknown> => {
  const set: [string, unknown][] = Object.entries(message)
  return Object.fromEntries(set.flatMap(([name, value]) => {
    const field = type.fields[name]
    return field === undefined || isUnset(value) ? [] : [[name, toField(value, field)]]
  }))
}
