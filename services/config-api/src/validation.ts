import { Ajv, type ErrorObject } from 'ajv'
import addFormats from 'ajv-formats'
import type { FieldError } from './problems.ts'

const ERRORS_SHOWN_MAX = 20

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i
const [EARLIEST_MS, LATEST_MS] = [Date.UTC(1970), Date.UTC(9999)]

// Times that both JavaScript and Postgres can hold.
const isTime = (text: string): boolean => {
  const time = DATE_TIME.test(text) ? Date.parse(text) : Number.NaN
  return time >= EARLIEST_MS && time <= LATEST_MS
}

const openAjv = (coerceTypes: boolean): Ajv => {
  const ajv = new Ajv({ allErrors: true, coerceTypes, removeAdditional: false, useDefaults: true, strict: false })
  addFormats.default(ajv)
  ajv.addFormat('date-time', isTime)
  return ajv
}

// Words of a query or a path are text, so they are converted; a body says its own types.
const bodies = openAjv(false)
const words = openAjv(true)

type Validate = (data: unknown) => { value: unknown } | { error: Error & { fields: FieldError[] } }

const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

const DETAIL: Partial<Record<string, (error: ErrorObject) => FieldError>> = {
  additionalProperties: ({ instancePath, params }) =>
    ({ pointer: `${instancePath}/${escapePointer(String(params['additionalProperty']))}`, detail: 'is not a known field' }),
  required: ({ instancePath, params }) => ({ pointer: `${instancePath}/${escapePointer(String(params['missingProperty']))}`, detail: 'is missing' }),
  enum: ({ instancePath, params }) => ({ pointer: instancePath, detail: `must be one of ${[params['allowedValues']].flat().join(', ')}` }),
  propertyNames: ({ instancePath, params }) => ({ pointer: `${instancePath}/${escapePointer(String(params['propertyName']))}`, detail: 'is not a valid name' })
}

const toFieldError = (error: ErrorObject): FieldError =>
  DETAIL[error.keyword]?.(error) ?? { pointer: error.instancePath, detail: error.message ?? 'is not valid' }

const toFieldErrors = (errors: ErrorObject[]): FieldError[] => {
  const byPointer = new Map(errors.map(toFieldError).reverse().map(error => [error.pointer, error]))
  return [...byPointer.values()].reverse().slice(0, ERRORS_SHOWN_MAX)
}

/** Fields of a request that do not fit its schema; undefined for any other error. */
export const findFieldErrors = (error: unknown): FieldError[] | undefined =>
  error instanceof Error && 'fields' in error && Array.isArray(error.fields) ? error.fields : undefined

/** Compiles the schema of one part of a request; unknown fields are refused by name and nothing is dropped silently. */
export const compileValidator = ({ schema, httpPart }: { schema: object, httpPart?: string | undefined }): Validate => {
  const check = (httpPart === 'body' ? bodies : words).compile(schema)
  return data => check(data)
    ? { value: data }
    : { error: Object.assign(new Error('The request does not fit its schema'), { fields: toFieldErrors(check.errors ?? []) }) }
}
