// A message of stream EVENTS -> an event, or why it is none. Guarantees: it never throws, whatever the bytes; what it calls an event can
// be written as JSON again without loss or recursion too deep, and is valid by the schema of its type; unknown fields are kept.
import { EVENT_BYTES_MAX, findEventSubject, findTenant, type Event, type EventType, type Rejection, type Tenant } from '@tw/contracts'
import { diagnose, isEvent } from './checks.ts'
import { CONTENT_TYPES, toMediaType } from './content-types.ts'
import { findUnsafe } from './find-unsafe.ts'
import { isBinaryMode, readHeaders, type FindHeader } from './read-headers.ts'
import { readJson } from './read-json.ts'
import { readProtobuf } from './read-protobuf.ts'
import { refuse, toRejection, type Read } from './reject.ts'

export type ReceivedEvent = {
  subject: string
  data: Uint8Array
  contentType?: string | undefined
  /** A header by its name, however it is capitalised. */
  header?: FindHeader
}

type Accepted = Event & { type: EventType }

/** `tenant` is known wherever the subject names one, so that it can be shown what was rejected. */
export type ParsedEvent =
  | { ok: true, tenant: Tenant, event: Accepted }
  | { ok: false, tenant?: Tenant, rejection: Rejection }

const SUBJECT = 'tw.events.(tenant).(category).(name), e.g. tw.events.default.finding.created'

const NO_HEADER: FindHeader = () => undefined

const FORMATS = new Map<string, (data: Uint8Array) => Read>([
  ['', readJson],
  ['application/json', readJson],
  [CONTENT_TYPES.json, readJson],
  [CONTENT_TYPES.protobuf, readProtobuf]
])
const UNDERSTOOD = [...FORMATS.keys()].filter(name => name !== '').join(', ')

const isStructured = (mediaType: string): boolean => mediaType.startsWith('application/cloudevents')

const readBody = ({ data, header = NO_HEADER, contentType = header('content-type') ?? '' }: ReceivedEvent): Read => {
  const mediaType = toMediaType(contentType)
  const read = FORMATS.get(mediaType)
  if (read === undefined) return refuse('bad_content_type', `The content type is "${mediaType}", it must be one of ${UNDERSTOOD}, or absent for JSON.`)
  return !isStructured(mediaType) && isBinaryMode(header) ? readHeaders(header, data) : read(data)
}

const readSafely = (received: ReceivedEvent): Read => {
  const read = readBody(received)
  const unsafe = read.ok ? findUnsafe(read.value) : undefined
  if (unsafe === undefined) return read
  return refuse(unsafe.pointer.startsWith('/data') ? 'bad_data' : 'not_cloudevent', `${unsafe.pointer || 'The event'} cannot be passed on: ${unsafe.problem}.`)
}

const toRejected = (subject: string, rejection: Rejection): ParsedEvent => {
  const tenant = findTenant(subject)
  return { ok: false, rejection, ...(tenant === undefined ? {} : { tenant }) }
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

// An emitter's tracing library may know only the header; a bad one is no reason to refuse the event (W3C Trace Context, 3.2).
const toTraced = (event: Accepted, header: FindHeader = NO_HEADER): Accepted => {
  const traceparent = event.traceparent === undefined ? header('traceparent') : undefined
  return traceparent !== undefined && TRACEPARENT.test(traceparent) ? { ...event, traceparent } : event
}

/** Bytes of an event as JSON, as it travels from here on: with a delivery around it, it has to fit a NATS message (1 MiB). */
const JSON_BYTES_MAX = 900 * 1_024
// One byte of protobuf is six of JSON at the most (a control character).
const GROWTH_MAX = 6

const findTooLarge = (event: Event, receivedBytes: number): Rejection | undefined => {
  if (receivedBytes * GROWTH_MAX <= JSON_BYTES_MAX) return undefined
  const bytes = Buffer.byteLength(JSON.stringify(event))
  return bytes <= JSON_BYTES_MAX ? undefined : toRejection('too_large', `The event has ${bytes} bytes as JSON, at most ${JSON_BYTES_MAX} are taken.`)
}

/** Reads one message of stream EVENTS: JSON, protobuf, or binary mode. Every failure is a value, none is thrown. */
export const parseEvent = (received: ReceivedEvent): ParsedEvent => {
  const { subject, data, header } = received
  if (data.length > EVENT_BYTES_MAX) return toRejected(subject, toRejection('too_large', `The event has ${data.length} bytes, at most ${EVENT_BYTES_MAX} are taken.`))
  const said = findEventSubject(subject)
  if (said === undefined) return toRejected(subject, toRejection('bad_subject', `The subject is "${subject}", it must be ${SUBJECT}.`))
  const read = readSafely(received)
  if (!read.ok) return toRejected(subject, read.rejection)
  if (!isEvent(read.value, said.type)) return toRejected(subject, diagnose(read.value, said.type))
  const tooLarge = findTooLarge(read.value, data.length)
  return tooLarge === undefined ? { ok: true, tenant: said.tenant, event: toTraced(read.value, header) } : toRejected(subject, tooLarge)
}
