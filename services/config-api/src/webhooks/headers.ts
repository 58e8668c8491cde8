import { SECRET_HEADER } from '@tw/connectors/webhook/manifest'
import type { FieldError } from '../problems.ts'
import { MASK, toHeaderField } from './webhook.ts'

// RFC 9110, section 5.6.2 (token) and 5.5 (field values): visible ASCII, blanks and tabs.
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
const FIELD_VALUE = /^[\t\x20-\x7e]*$/
const BYTES_MAX = 8_192

// Set by the delivery itself or by its connection (RFC 9110, section 7.6.1: hop by hop).
const RESERVED = new Set([
  'host', 'content-length', 'content-type', 'content-encoding', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection', 'proxy-authorization',
  'proxy-authenticate', 'te', 'trailer', 'upgrade', 'expect', 'http2-settings', 'user-agent', 'accept-encoding', 'traceparent', 'tracestate'
])
const RESERVED_PREFIX = /^(x-tw-|webhook-)/

const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')

const findNameFault = (name: string): string | undefined => {
  if (!TOKEN.test(name)) return 'is not a header name (RFC 9110: letters, digits and !#$%&\'*+-.^_`|~)'
  if (RESERVED.has(name.toLowerCase()) || RESERVED_PREFIX.test(name.toLowerCase())) return 'is reserved: the delivery sets it itself'
  return undefined
}

const findFault = ([name, value]: [string, string], isStored: (field: string) => boolean): string | undefined => {
  const fault = findNameFault(name)
  if (fault !== undefined) return fault
  if (!FIELD_VALUE.test(value)) return 'holds a line break or a character that headers cannot carry'
  if (value === MASK && SECRET_HEADER.test(name) && !isStored(toHeaderField(name))) return `is ${MASK}, but no value is stored: send the value itself`
  return undefined
}

const findTwins = (names: string[]): string[] => names.filter((name, index) => names.findIndex(other => other.toLowerCase() === name.toLowerCase()) < index)

/** What is wrong with custom headers, by field; `isStored` tells which secret values are there to be kept. */
export const findHeaderErrors = (headers: Record<string, string>, isStored: (field: string) => boolean): FieldError[] => {
  const entries = Object.entries(headers)
  const faults = entries.map(entry => ({ pointer: `/headers/${escapePointer(entry[0])}`, detail: findFault(entry, isStored) }))
  const twins = findTwins(Object.keys(headers)).map(name => ({ pointer: `/headers/${escapePointer(name)}`, detail: 'is given twice: header names are the same in upper and lower case' }))
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  const size = bytes > BYTES_MAX ? [{ pointer: '/headers', detail: `hold ${bytes} bytes, ${BYTES_MAX} at most` }] : []
  return [...faults, ...twins, ...size].filter((error): error is FieldError => error.detail !== undefined)
}
