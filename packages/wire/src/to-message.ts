import protobuf from 'protobufjs'
import { isTimestamp, toPrefix } from './from-message.ts'
import { parseDateTime } from './timestamp.ts'

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const toEnumValue = (word: unknown, type: protobuf.Enum): number => {
  const value = type.values[`${toPrefix(type)}${String(word).toUpperCase()}`]
  if (value === undefined) throw new TypeError(`${type.name} has no "${String(word)}"`)
  return value
}

const toValue = (value: unknown, { resolvedType }: protobuf.Field): unknown => {
  if (resolvedType instanceof protobuf.Enum) return toEnumValue(value, resolvedType)
  if (!(resolvedType instanceof protobuf.Type)) return value
  return isTimestamp(resolvedType) ? parseDateTime(String(value)) : toMessage(value, resolvedType)
}

/** Our JSON form as what `type.encode` takes. Fields the message does not have are left out. Throws a TypeError for an unknown word. */
export const toMessage = (value: unknown, type: protobuf.Type): Record<string, unknown> => {
  if (!isRecord(value)) throw new TypeError(`${type.name} must be an object`)
  return Object.fromEntries(type.fieldsArray.flatMap(field => {
    const inner = value[field.name]
    if (inner === undefined) return []
    return [[field.name, Array.isArray(inner) ? inner.map(one => toValue(one, field)) : toValue(inner, field)]]
  }))
}
