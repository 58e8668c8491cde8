import type { TSchema } from '@sinclair/typebox'
import { ValueErrorType, type ValueError, type ValueErrorIterator } from '@sinclair/typebox/errors'

const QUOTED_CHARS_MAX = 60
/** Problems named in one sentence; an emitter mends them together. */
const PROBLEMS_MAX = 3

const FORMATS: Record<string, string> = {
  'date-time': 'a time like 2026-01-31T09:30:00Z',
  uri: 'a URL',
  'uri-reference': 'a URI reference (no blanks, only ASCII)',
  uuid: 'a UUID'
}

const quote = (value: unknown): string => {
  if (typeof value === 'string') return `"${value.length > QUOTED_CHARS_MAX ? `${value.slice(0, QUOTED_CHARS_MAX)}…` : value}"`
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

const toRange = (preposition: string, least: unknown, most: unknown): string => {
  if (least !== undefined && most !== undefined) return ` ${preposition} ${String(least)} to ${String(most)}`
  if (least !== undefined) return ` of at least ${String(least)}`
  return most === undefined ? '' : ` of at most ${String(most)}`
}

const describeText = ({ format, pattern, minLength, maxLength }: TSchema): string => {
  const shape = format === undefined ? 'text' : FORMATS[String(format)] ?? String(format)
  const length = toRange('of', minLength, maxLength)
  return `${shape}${length === '' ? '' : `${length} characters`}${pattern === undefined ? '' : ` that matches ${String(pattern)}`}`
}

const DESCRIBE: Record<string, (schema: TSchema) => string> = {
  string: describeText,
  integer: ({ minimum, maximum }) => `a whole number${toRange('from', minimum, maximum)}`,
  number: ({ minimum, maximum }) => `a number${toRange('from', minimum, maximum)}`,
  array: ({ maxItems }) => `a list${maxItems === undefined ? '' : ` of at most ${String(maxItems)}`}`,
  object: () => 'an object'
}

const describeSchema = (schema: TSchema): string => {
  if (Array.isArray(schema['enum'])) return `one of ${schema['enum'].join(', ')}`
  if (schema['const'] !== undefined) return quote(schema['const'])
  return DESCRIBE[String(schema['type'])]?.(schema) ?? 'something else'
}

const describeError = ({ type, path, value, schema }: ValueError, base: string): string => type === ValueErrorType.ObjectRequiredProperty
  ? `${base}${path} is missing: it must be ${describeSchema(schema)}`
  : `${base}${path} must be ${describeSchema(schema)}, not ${quote(value)}`

/** Says what is wrong in one sentence: each field by its JSON pointer, what was expected, what stood there. Undefined when nothing is. */
export const findDescription = (errors: ValueErrorIterator, base: string): string | undefined => {
  const byPath = new Map<string, string>()
  for (const error of errors) {
    if (byPath.size === PROBLEMS_MAX) break
    if (!byPath.has(error.path)) byPath.set(error.path, describeError(error, base))
  }
  return byPath.size === 0 ? undefined : `${[...byPath.values()].join('; ')}.`
}
