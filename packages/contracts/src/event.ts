import './formats.ts'
import { Type, type Static, type TSchema } from '@sinclair/typebox'
import { stringEnum } from './string-enum.ts'
import { Assessment, CriticalFinding, Finding, Scan, Sla, Sync } from './event-data.ts'

/** What each event type carries in `data`. The keys are the twelve event types of the specification. */
export const EVENT_DATA = {
  'finding.created': Finding,
  'finding.status_changed': Finding,
  'finding.resolved': Finding,
  'scan.started': Scan,
  'scan.completed': Scan,
  'scan.failed': Scan,
  'sla.breach_warning': Sla,
  'sla.breach_confirmed': Sla,
  'sync.completed': Sync,
  'sync.failed': Sync,
  'assessment.completed': Assessment,
  'assessment.critical_finding': CriticalFinding
} as const satisfies Record<string, TSchema>

export type EventType = keyof typeof EVENT_DATA

export const isEventType = (value: string): value is EventType => Object.hasOwn(EVENT_DATA, value)

export const EVENT_TYPES = Object.keys(EVENT_DATA).filter(isEventType)

export const EventType = stringEnum(EVENT_TYPES, 'Event type')

/** What administrators read beside each event type. */
export const EVENT_TITLES: Record<EventType, string> = {
  'finding.created': 'New finding created',
  'finding.status_changed': 'Finding status changed',
  'finding.resolved': 'Finding resolved',
  'scan.started': 'Scan started',
  'scan.completed': 'Scan completed',
  'scan.failed': 'Scan failed',
  'sla.breach_warning': 'SLA breach warning',
  'sla.breach_confirmed': 'SLA breach confirmed',
  'sync.completed': 'Sync completed',
  'sync.failed': 'Sync failed',
  'assessment.completed': 'AppSec assessment completed',
  'assessment.critical_finding': 'New critical finding in an assessment'
}

/** An event larger than this (bytes on the wire) goes to REJECTED: it has to fit a NATS message again as a delivery. */
export const EVENT_BYTES_MAX = 256 * 1024

// Printable characters only: ids stand in headers, logs and tables.
const PRINTABLE = '^[\\x21-\\x7e]+$'
// CloudEvents forbids control characters in attributes (section "Type System", String).
const NO_CONTROLS = '^[^\\x00-\\x1f\\x7f-\\x9f]*$'
const JSON_MEDIA_TYPE = '^application/([A-Za-z0-9.-]+\\+)?json( *;.*)?$'

/** Attributes of CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md), and `data`. */
export const Envelope = Type.Object({
  specversion: Type.Literal('1.0', { description: 'Version of CloudEvents' }),
  id: Type.String({ description: 'Unique with `source`; a repeat of both is the same event', pattern: PRINTABLE, maxLength: 128 }),
  source: Type.String({ description: 'Which emitter', format: 'uri-reference', minLength: 1, maxLength: 512 }),
  type: EventType,
  time: Type.Optional(Type.String({ description: 'When it happened; when it was accepted, if absent', format: 'date-time' })),
  subject: Type.Optional(Type.String({ description: 'What of the source it is about', pattern: NO_CONTROLS, maxLength: 512 })),
  datacontenttype: Type.Optional(Type.String({ description: 'JSON: the data stands in the event as it is', pattern: JSON_MEDIA_TYPE, maxLength: 256 })),
  dataschema: Type.Optional(Type.String({ description: 'Which schema the data follows; not looked at', format: 'uri-reference', maxLength: 2_048 })),
  traceparent: Type.Optional(Type.String({ description: 'W3C Trace Context', pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' })),
  tracestate: Type.Optional(Type.String({ description: 'W3C Trace Context', pattern: NO_CONTROLS, maxLength: 512 })),
  data: Type.Record(Type.String(), Type.Unknown(), { description: 'What happened, as its event type says' })
})

export type Event = Static<typeof Envelope>
