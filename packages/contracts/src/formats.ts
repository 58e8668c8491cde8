import { FormatRegistry } from '@sinclair/typebox'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const DATE_TIME = /^(?!0000)(\d{4}-\d{2}-(\d{2}))T(?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i

// Date.parse takes February 30 for March 2; not every month has more than 28 days.
const isDayOfMonth = (date: string, day: number): boolean => day <= 28 || new Date(date).getUTCDate() === day

const isDateTime = (value: string): boolean => {
  const [, date, day] = DATE_TIME.exec(value) ?? []
  return date !== undefined && !Number.isNaN(Date.parse(value)) && isDayOfMonth(date, Number(day))
}

// RFC 3986 forbids spaces, controls, and <>"{}|\^` anywhere in a URI reference.
// eslint-disable-next-line no-control-regex
const NOT_URI = /[\u0000-\u0020<>"{}|\\^`\u007f-\uffff]/

// TypeBox answers false for a format it does not know, so each one used by a contract is registered here, once.
FormatRegistry.Set('uuid', value => UUID.test(value))
FormatRegistry.Set('date-time', isDateTime)
FormatRegistry.Set('uri', value => !NOT_URI.test(value) && URL.canParse(value))
FormatRegistry.Set('uri-reference', value => value !== '' && !NOT_URI.test(value))
