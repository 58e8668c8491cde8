// Owns how an event stands in a message: JSON, protobuf, binary mode; and the words for what is wrong with it.
// Never publishes, reads or stores one.
export { encodeEvent, type WireFormat } from './encode-event.ts'
export { CONTENT_TYPES } from './content-types.ts'
export { parseEvent, type ParsedEvent, type ReceivedEvent } from './parse-event.ts'
