import type { HttpRequest } from '@tw/connector-kit'
import type { Delivery, Event } from '@tw/contracts'
import { toSignatureHeaders } from '@tw/domain'
import type { Config } from './manifest.ts'

/** Names this sender to receivers. */
export const USER_AGENT = 'ThreatWeaver-Webhooks/1.0'

const OURS = /^(x-tw-|webhook-)/i

/** Body of a delivery (specification, "Webhook Payload"): the same bytes at every attempt, so receivers may compare them. */
export const toBody = ({ event, createdAt, trigger }: Pick<Delivery, 'event' | 'createdAt' | 'trigger'>): string =>
  JSON.stringify({ id: event.id, type: event.type, timestamp: event.time ?? createdAt, data: event.data, ...(trigger === 'test' ? { test: true } : {}) })

const toTraceHeaders = ({ traceparent, tracestate }: Event): Record<string, string> => ({
  ...(traceparent === undefined ? {} : { traceparent }),
  ...(traceparent === undefined || tracestate === undefined ? {} : { tracestate })
})

/** Secrets that sign now: the present one, and the one it replaced until their overlap ends. */
export const toSecrets = ({ secret, previousSecret, previousSecretUntil }: Config, nowMs: number): string[] => {
  const overlaps = previousSecretUntil !== undefined && nowMs < Date.parse(previousSecretUntil)
  return [secret, overlaps ? previousSecret : undefined].filter(value => value !== undefined)
}

// Header names are the same in upper and lower case: one that is ours, or could pass for ours, is not taken from anybody else.
const toCustomHeaders = ({ headers }: Config, ours: Record<string, string>): Record<string, string> => {
  if (headers === undefined) return {}
  const taken = new Set(Object.keys(ours).map(name => name.toLowerCase()))
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !taken.has(name.toLowerCase()) && !OURS.test(name)))
}

/** The POST of one attempt. */
export const render = (delivery: Delivery, config: Config, nowMs: number): HttpRequest & { body: string } => {
  const body = toBody(delivery)
  const timestampS = Math.floor(nowMs / 1_000)
  const ours = {
    'Content-Type': 'application/json',
    'User-Agent': USER_AGENT,
    'X-TW-Event': delivery.event.type,
    'X-TW-Delivery': delivery.id,
    ...(delivery.trigger === 'test' ? { 'X-TW-Test': 'true' } : {}),
    'webhook-id': delivery.id,
    'webhook-timestamp': String(timestampS),
    ...toSignatureHeaders({ id: delivery.id, timestampS, body, secrets: toSecrets(config, nowMs) }),
    ...toTraceHeaders(delivery.event)
  }
  return { method: 'POST', url: config.url, body, headers: { ...toCustomHeaders(config, ours), ...ours } }
}
