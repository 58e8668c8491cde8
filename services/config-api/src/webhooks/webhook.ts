import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { CATALOG } from '@tw/connectors/catalog'
import { config as Config, RETRY_COUNT_DEFAULT } from '@tw/connectors/webhook/manifest'
import { DISABLE_REASONS, EVENT_TITLES, EVENT_TYPES, EventType } from '@tw/contracts'
import type { IntegrationRow } from '@tw/store'
import { Nullable, Page, Time } from '../schemas.ts'

/** The connector this API configures. */
export const CONNECTOR = CATALOG.webhook.id

/** Shown in the place of a secret; sent back, it keeps what is stored. */
export const MASK = '********'

const name = Type.String({ minLength: 1, maxLength: 200, description: 'Display name; HTML tags are stripped', examples: ['Security desk'] })
const url = Type.String({ minLength: 1, maxLength: 2_048, description: 'Receives an HTTP POST for each event', examples: ['https://example.com/threatweaver'] })
const events = Type.Array(EventType, { minItems: 1, maxItems: EVENT_TYPES.length, uniqueItems: true, description: 'Event types to subscribe to', examples: [['finding.created', 'sla.breach_confirmed']] })
const headers = Type.Record(Type.String(), Type.String({ maxLength: 4_096 }), {
  maxProperties: 20,
  description: `Custom headers of each delivery. Values of headers that look like credentials are kept sealed and shown as ${MASK}`,
  examples: [{ 'X-Team': 'security', Authorization: 'Bearer …' }]
})
const retryCount = Type.Integer({ minimum: 0, maximum: 9, description: 'Retries after a failed delivery' })
const enabled = Type.Boolean({ description: 'A disabled webhook gets no deliveries' })
const secret = Type.Unsafe<string | null>({
  type: ['string', 'null'], minLength: 1, maxLength: 256, description: 'Signs each delivery (HMAC-SHA256). Never shown again; null removes it', writeOnly: true
})

/** Body of a new webhook. */
export const NewWebhook = Type.Object({
  name,
  url,
  events,
  secret: Type.Optional(secret),
  headers: Type.Optional(headers),
  retryCount: Type.Optional({ ...retryCount, default: RETRY_COUNT_DEFAULT }),
  enabled: Type.Optional({ ...enabled, default: true })
}, {
  additionalProperties: false,
  examples: [{ name: 'Security desk', url: 'https://example.com/threatweaver', events: ['finding.created'], secret: 'a long shared secret', headers: { 'X-Team': 'security' }, retryCount: 3 }]
})
export type NewWebhook = Static<typeof NewWebhook>

/** Body of a change: a field that is absent keeps its value; `headers` are replaced as a whole. */
export const WebhookChange = Type.Object({
  name: Type.Optional(name),
  url: Type.Optional(url),
  events: Type.Optional(events),
  secret: Type.Optional(secret),
  headers: Type.Optional(headers),
  retryCount: Type.Optional(retryCount),
  enabled: Type.Optional(enabled)
}, { additionalProperties: false, minProperties: 1 })
export type WebhookChange = Static<typeof WebhookChange>

export const Webhook = Type.Object({
  id: Type.String({ format: 'uuid' }),
  name: Type.String(),
  url: Type.String(),
  events: Type.Array(EventType),
  headers: Type.Record(Type.String(), Type.String(), { description: `Secret values are shown as ${MASK}` }),
  hasSecret: Type.Boolean({ description: 'Whether deliveries are signed' }),
  retryCount: Type.Integer(),
  enabled: Type.Boolean(),
  disabledReason: Nullable(Type.String({ enum: Object.keys(DISABLE_REASONS), description: 'Why it was disabled without anybody asking' })),
  previousSecretUntil: Nullable(Time('Until then the secret before the last rotation signs as well')),
  createdAt: Time('Created'),
  updatedAt: Time('Last changed')
}, { $id: 'Webhook' })
export type Webhook = Static<typeof Webhook>

const toCategory = (type: string): string => type.split('.')[0] ?? type

/** Events a webhook can subscribe to. */
export const AVAILABLE_EVENTS = EVENT_TYPES.map(type => ({ type, title: EVENT_TITLES[type], category: toCategory(type) }))

export const WebhookPage = Page('Webhook', {
  events: Type.Array(Type.Object({ type: EventType, title: Type.String(), category: Type.String() }), { description: 'Events a webhook can subscribe to' })
})

const HEADER_FIELD = 'headers.'

/** Field of the sealed value of a header. */
export const toHeaderField = (header: string): string => `${HEADER_FIELD}${header.toLowerCase()}`

const toMaskedHeaders = ({ sealed }: IntegrationRow): Record<string, string> => Object.fromEntries(
  Object.keys(sealed).filter(field => field.startsWith(HEADER_FIELD)).map(field => [field.slice(HEADER_FIELD.length), MASK]))

/** A row as the API shows it: no secret in it. */
export const toWebhook = (row: IntegrationRow): Webhook => {
  const { url, headers = {}, retryCount, previousSecretUntil } = Value.Parse(Config, row.config)
  const { id, name, events, enabled, disabledReason } = row
  return {
    id,
    name,
    url,
    events,
    headers: { ...headers, ...toMaskedHeaders(row) },
    hasSecret: 'secret' in row.sealed,
    retryCount,
    enabled,
    disabledReason,
    previousSecretUntil: previousSecretUntil ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString()
  }
}
