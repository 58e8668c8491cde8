import type { ConnectorId, Tenant } from './connector-id.ts'
import type { RejectionReason } from './rejection.ts'

/** Delays a failed delivery can wait, shortest first; each is a tier of stream RETRIES. */
export const TIERS = ['5s', '30s', '1m', '2m', '5m', '10m', '30m', '1h', '3h', '6h', '12h', '24h'] as const
export type Tier = typeof TIERS[number]

/** Where everything travels. Tenants and connectors are single tokens, so a NATS user can be granted just its own. */
export const subjects = {
  event: (tenant: Tenant, type: string): string => `tw.events.${tenant}.${type}`,
  delivery: (connector: ConnectorId): string => `tw.deliveries.${connector}`,
  retry: (tier: Tier, connector: ConnectorId): string => `tw.retries.${tier}.${connector}`,
  attempts: (connector: ConnectorId): string => `tw.attempts.${connector}`,
  rejected: (reason: RejectionReason): string => `tw.rejected.${reason}`,
  disable: (connector: ConnectorId): string => `tw.disable.${connector}`,
  update: (tenant: Tenant, what: string): string => `tw.updates.${tenant}.${what}`
} as const

const EVENT_SUBJECT = /^tw\.events\.([A-Za-z0-9_-]{1,64})\.([a-z_]+\.[a-z_]+)$/

/** What an event's subject says of it; undefined when it is no `tw.events.<tenant>.<category>.<name>`. */
export const findEventSubject = (subject: string): { tenant: Tenant, type: string } | undefined => {
  const [, tenant, type] = EVENT_SUBJECT.exec(subject) ?? []
  return tenant !== undefined && type !== undefined ? { tenant, type } : undefined
}

const TENANT = /^tw\.events\.([A-Za-z0-9_-]{1,64})(?:\.|$)/

/** Whose event a subject is, even where the rest of it is wrong; undefined when it does not say. */
export const findTenant = (subject: string): Tenant | undefined => TENANT.exec(subject)?.[1]
