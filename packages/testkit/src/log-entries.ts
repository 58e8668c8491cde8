import { randomUUID } from 'node:crypto'
import { toDeliveryId, type Attempt, type Delivery } from '@tw/contracts'
import { example } from './examples.ts'

/** A delivery of a new event to a new integration, as the dispatcher makes it now; `changes` replace fields. */
export const sampleDelivery = (changes: Partial<Delivery> = {}): Delivery => {
  const { integrationId = randomUUID(), event = { ...example('finding.created'), id: randomUUID() } } = changes
  return {
    id: toDeliveryId(event, integrationId),
    tenant: 'default',
    connector: 'webhook',
    integrationId,
    event,
    createdAt: new Date().toISOString(),
    trigger: 'event',
    round: 0,
    attempt: 1,
    holds: 0,
    ...changes
  }
}

/** The attempt of a delivery that was answered with 200, as a worker says it; `changes` replace fields. */
export const sampleAttempt = (of: Delivery, changes: Partial<Attempt> = {}): Attempt => ({
  deliveryId: of.id,
  tenant: of.tenant,
  connector: of.connector,
  integrationId: of.integrationId,
  eventId: of.event.id,
  eventSource: of.event.source,
  eventType: of.event.type,
  deliveryCreatedAt: of.createdAt,
  trigger: of.trigger,
  round: of.round,
  number: of.attempt,
  startedAt: new Date().toISOString(),
  responseTimeMs: 12,
  status: 'delivered',
  statusCode: 200,
  error: null,
  request: { method: 'POST', url: 'https://example.com/', headers: {} },
  response: { headers: {}, body: 'ok', truncated: false },
  nextAttemptAt: null,
  ...changes
})
