import { FormatRegistry } from '@sinclair/typebox'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i

const isDateTime = (value: string): boolean => DATE_TIME.test(value) && !Number.isNaN(Date.parse(value))

// RFC 3986 forbids spaces, controls, and <>"{}|\^` anywhere in a URI reference.
// eslint-disable-next-line no-control-regex
const NOT_URI = /[\u0000-\u0020<>"{}|\\^`\u007f-\uffff]/

// TypeBox answers false for a format it does not know, so each one used by a contract is registered here, once.
FormatRegistry.Set('uuid', value => UUID.test(value))
FormatRegistry.Set('date-time', isDateTime)
FormatRegistry.Set('uri', value => !NOT_URI.test(value) && URL.canParse(value))
FormatRegistry.Set('uri-reference', value => value !== '' && !NOT_URI.test(value))
