import { isEventType, type Event } from '@tw/contracts'
import { cloudEvent, toMessageName, toMessageType } from './proto.ts'
import { parseDateTime } from './timestamp.ts'
import { toMessage } from './to-message.ts'

export type WireFormat = 'json' | 'protobuf'

const encoder = new TextEncoder()

// How each attribute is typed in CloudEvents; an extension goes by its value.
const KINDS: Record<string, (value: string) => Record<string, unknown>> = {
  time: value => ({ ceTimestamp: parseDateTime(value) }),
  dataschema: value => ({ ceUri: value }),
  datacontenttype: () => ({ ceString: 'application/protobuf' })
}

const toExtension = (name: string, value: unknown): Record<string, unknown> => {
  if (typeof value === 'boolean') return { ceBoolean: value }
  if (Number.isInteger(value)) return { ceInteger: value }
  throw new TypeError(`The attribute ${name} is neither text, nor a whole number, nor true or false`)
}

const toAttribute = (name: string, value: unknown): Record<string, unknown> =>
  typeof value === 'string' ? KINDS[name]?.(value) ?? { ceString: value } : toExtension(name, value)

const encodeProtobuf = ({ specversion, id, source, type, data, ...optional }: Event): Uint8Array => {
  if (!isEventType(type)) throw new TypeError(`"${String(type)}" is no event type`)
  const message = toMessageType(type)
  return cloudEvent.encode({
    id,
    source,
    specVersion: specversion,
    type,
    attributes: Object.fromEntries(Object.entries(optional).map(([name, value]) => [name, toAttribute(name, value)])),
    protoData: { type_url: `type.googleapis.com/${toMessageName(type)}`, value: message.encode(toMessage(data, message)).finish() }
  }).finish()
}

/**
 * The bytes of a message that carries the event; CONTENT_TYPES says its content type. Protobuf carries the fields its .proto knows, and
 * times in UTC. Throws a TypeError or RangeError for an event that is not valid: an emitter's own mistake.
 */
export const encodeEvent = (event: Event, format: WireFormat): Uint8Array =>
  format === 'json' ? encoder.encode(JSON.stringify(event)) : encodeProtobuf(event)
