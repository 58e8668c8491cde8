import './formats.ts'
import { Type, type Static } from '@sinclair/typebox'
import { ConnectorId, Tenant } from './connector-id.ts'
import { DeliveryStatus, Trigger } from './delivery.ts'
import { EventType } from './event.ts'

const time = () => Type.String({ format: 'date-time' })
const headers = () => Type.Record(Type.String(), Type.String())

/** Bytes kept of a far end's answer. */
export const ANSWER_BYTES_KEPT = 4_096

/** What was sent, secrets masked. */
export const AttemptRequest = Type.Object({ method: Type.String(), url: Type.String(), headers: headers() })
export type AttemptRequest = Static<typeof AttemptRequest>

/** What came back, cut to ANSWER_BYTES_KEPT. */
export const AttemptResponse = Type.Object({ headers: headers(), body: Type.String(), truncated: Type.Boolean() })
export type AttemptResponse = Static<typeof AttemptResponse>

/** One try of a delivery and what became of it: what stream ATTEMPTS carries, several in one message. */
export const Attempt = Type.Object({
  deliveryId: Type.String({ format: 'uuid' }),
  tenant: Tenant,
  connector: ConnectorId,
  integrationId: Type.String({ format: 'uuid' }),
  eventId: Type.String(),
  eventSource: Type.String(),
  eventType: EventType,
  deliveryCreatedAt: time(),
  trigger: Trigger,
  round: Type.Integer({ minimum: 0 }),
  number: Type.Integer({ minimum: 0 }),
  startedAt: time(),
  responseTimeMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
  /** Status of the delivery after this attempt. */
  status: DeliveryStatus,
  statusCode: Type.Union([Type.Integer(), Type.Null()]),
  error: Type.Union([Type.String(), Type.Null()]),
  request: Type.Union([AttemptRequest, Type.Null()]),
  response: Type.Union([AttemptResponse, Type.Null()]),
  nextAttemptAt: Type.Union([time(), Type.Null()])
}, { $id: 'AttemptMessage' })
export type Attempt = Omit<Static<typeof Attempt>, 'connector' | 'eventType'> & { connector: ConnectorId, eventType: EventType }

export const AttemptBatch = Type.Object({ attempts: Type.Array(Attempt) })
export type AttemptBatch = { attempts: Attempt[] }
