import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { EVENT_TITLES, EVENT_TYPES } from '@tw/contracts'
import { toSampleEvent } from '@tw/domain'

const ID = '018f6f2e-7a2b-8c3d-9e4f-5a6b7c8d9e0f'
const AT = new Date('2026-01-02T03:04:05Z')
const text = (description: string, example?: string) => ({ description, required: true, schema: { type: 'string' as const, ...(example === undefined ? {} : { examples: [example] }) } })

const HEADERS = {
  'X-TW-Event': text('Event type', 'finding.created'),
  'X-TW-Delivery': text('Id of the delivery: the same over all its retries, so a repeat can be told', ID),
  'X-TW-Signature': { ...text('`sha256=` and the hex HMAC-SHA256 of the raw body, by the secret; two of them, separated by a comma, while a rotated secret overlaps'), required: false },
  'webhook-id': text('The same as X-TW-Delivery (Standard Webhooks 1.0.0)', ID),
  'webhook-timestamp': text('Time of the attempt, seconds since 1970', '1767323045'),
  'webhook-signature': { ...text('`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`; two of them, separated by a blank, while a rotated secret overlaps'), required: false },
  traceparent: { ...text('W3C Trace Context'), required: false }
}

const toExample = (type: typeof EVENT_TYPES[number]): [string, object] => {
  const { id, time, data } = toSampleEvent(type, { id: ID, at: AT })
  return [type, { summary: EVENT_TITLES[type], value: { id, type, timestamp: time, data } }]
}

type Document = Extract<FastifyDynamicSwaggerOptions['openapi'], { webhooks?: unknown }>

const WEBHOOKS: NonNullable<Document['webhooks']> = {
  event: {
    post: {
      summary: 'What a webhook receives',
      description: 'Answer 2xx within 15 s. Anything else, a redirect too, is a failure and is tried again after 30 s, 2 min and 10 min; `Retry-After` may lengthen that. 410 disables the webhook. A delivery may come more than once: its id tells.',
      operationId: 'receiveEvent',
      security: [],
      parameters: Object.entries(HEADERS).map(([name, header]) => ({ name, in: 'header', ...header })),
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['id', 'type', 'timestamp', 'data'],
              properties: {
                id: { type: 'string', description: 'Id of the event' },
                type: { type: 'string', enum: EVENT_TYPES },
                timestamp: { type: 'string', format: 'date-time', description: 'When it happened' },
                data: { type: 'object', description: 'What the event type carries', additionalProperties: true }
              }
            },
            examples: Object.fromEntries(EVENT_TYPES.map(toExample))
          }
        }
      },
      responses: { '2XX': { description: 'Received' }, 410: { description: 'No more deliveries are wanted: the webhook is disabled' }, default: { description: 'Failed: tried again' } }
    }
  }
}

/** The document is OpenAPI 3.1, made of the schemas the routes check with. */
export const openapi: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: { title: 'ThreatWeaver integrations', version: '1.0.0', description: 'Configures webhooks and shows what became of each delivery.' },
    servers: [{ url: '/' }],
    tags: [
      { name: 'webhooks', description: 'Far ends that receive events' },
      { name: 'deliveries', description: 'What became of each event' },
      { name: 'replays', description: 'Events of a time range, delivered again' },
      { name: 'rejected', description: 'Events that were not understood' },
      { name: 'audit', description: 'Who changed what' },
      { name: 'documents', description: 'This document' }
    ],
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Claims: `tenant`, `sub`, and `permissions` with MANAGE_SETTINGS' }
      }
    },
    security: [{ bearer: [] }],
    webhooks: WEBHOOKS
  },
  refResolver: { buildLocalReference: json => String(json['$id']) },
  hideUntagged: true
}
