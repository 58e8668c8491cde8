import { Type, type Static } from '@sinclair/typebox'
import { EventType, toDeliveryId, type EventType as EventTypeName } from '@tw/contracts'
import { toSampleEvent } from '@tw/domain'
import { recordEvents } from '@tw/store'
import type { Caller } from '../access.ts'
import type { Ports } from '../ports.ts'
import { done, refuse, type Result } from '../problems.ts'
import { findWebhook, notFound } from './change.ts'

export const TrialRequest = Type.Object({ eventType: EventType }, { additionalProperties: false })

export const Sent = Type.Object({
  deliveryId: Type.String({ format: 'uuid', description: 'Delivery that was sent; it stands in the log a moment later' })
}, { $id: 'Sent' })
export type Sent = Static<typeof Sent>

/** Sends a sample event of a type, marked as a test, to one webhook. Whether the webhook subscribes to the type does not matter. */
export type SendTrial = (caller: Caller, id: string, eventType: EventTypeName) => Promise<Result<Sent>>

export const DISABLED = refuse('TW_CONFLICT', 'The webhook is disabled: enable it first (POST /api/integrations/webhooks/{id}/enable).')

export const createTrial = ({ store, sendDelivery, now, newId }: Ports): SendTrial => async ({ tenant }, id, eventType) => {
  const webhook = await findWebhook(store.db, tenant, id)
  if (webhook === undefined) return notFound(id)
  if (!webhook.enabled) return DISABLED
  const at = now()
  const event = toSampleEvent(eventType, { id: `test-${newId()}`, at })
  const deliveryId = toDeliveryId(event, webhook.id)
  const { connector, id: integrationId } = webhook
  const delivery = { id: deliveryId, tenant, connector, integrationId, event, createdAt: at.toISOString(), trigger: 'test', round: 0, attempt: 1, holds: 0 } as const
  // It never goes through EVENTS, so nobody else keeps it: without it the delivery could not be sent again.
  await recordEvents(store, [{ tenant, source: event.source, id: event.id, type: event.type, receivedAt: delivery.createdAt, body: JSON.stringify(event), test: true }])
  try {
    await sendDelivery(delivery)
  } catch {
    return refuse('TW_UNAVAILABLE', 'The test event could not be sent: the message server is not reachable. Try again soon.')
  }
  return done({ deliveryId })
}
