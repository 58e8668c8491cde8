// Event -> deliveries. Guarantees: an event is answered only when each of its deliveries is stored, or it stands in REJECTED; a repeat of
// an event makes the same deliveries again, which the stream stores once within two minutes and receivers know by their id.
import { ACK, toPublication, type Answer, type Message, type Publish } from '@tw/bus'
import { EVENT_BYTES_MAX, subjects, toDeliveryId, type Delivery, type Event, type Integration, type Rejection } from '@tw/contracts'
import type { Routing } from '@tw/domain'
import type { Logger, Metrics } from '@tw/runtime'
import { parseEvent } from '@tw/wire'

export type DispatchOptions = { routing: Pick<Routing, 'find'>, publish: Publish, logger: Logger, metrics: Metrics }

type Accepted = { tenant: string, event: Event, createdAt: string }

const toDelivery = ({ tenant, event, createdAt }: Accepted, integration: Integration): Delivery => ({
  id: toDeliveryId(event, integration.id),
  tenant,
  connector: integration.connector,
  integrationId: integration.id,
  event,
  createdAt,
  trigger: 'event',
  round: 0,
  attempt: 1,
  holds: 0
})

// What an emitter wrote, as a header that fits its message whatever it wrote.
const CHARS_MAX = 1_000
const toHeader = (text: string): string => encodeURIComponent(text.slice(0, CHARS_MAX).toWellFormed())

/** Deals with one message of stream EVENTS. */
export const createDispatch = ({ routing, publish, logger, metrics }: DispatchOptions): ((message: Message) => Promise<Answer>) => {
  const reject = async (message: Message, tenant: string, { reason, detail }: Rejection): Promise<Answer> => {
    await publish({
      subject: subjects.rejected(reason),
      // What is too large to be stored again is cut; the whole stays in EVENTS for as long as that keeps it.
      data: message.data.subarray(0, EVENT_BYTES_MAX),
      messageId: `EVENTS:${message.sequence}`,
      headers: {
        'Tw-Tenant': tenant,
        'Tw-Subject': toHeader(message.subject),
        'Tw-Detail': toHeader(detail),
        'Tw-Bytes': String(message.data.length),
        'Tw-Received-At': new Date(message.storedAtMs).toISOString(),
        'Tw-Content-Type': toHeader(message.header('content-type') ?? '')
      }
    })
    logger.warn({ subject: message.subject, sequence: message.sequence, reason, detail }, 'Event rejected')
    metrics.count('tw_events_rejected_total', { reason })
    return ACK
  }

  return async message => {
    const parsed = parseEvent({ subject: message.subject, data: message.data, contentType: message.header('content-type'), header: message.header })
    if (!parsed.ok) return await reject(message, parsed.tenant ?? '', parsed.rejection)
    const accepted: Accepted = { ...parsed, createdAt: new Date(message.storedAtMs).toISOString() }
    const wanted = [...routing.find(accepted.tenant, accepted.event.type)].map(integration => toDelivery(accepted, integration))
    await Promise.all(wanted.map(delivery => publish(toPublication(delivery))))
    metrics.count('tw_events_accepted_total', { type: accepted.event.type })
    metrics.count('tw_deliveries_total', {}, wanted.length)
    return ACK
  }
}
