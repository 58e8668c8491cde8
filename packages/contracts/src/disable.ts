import './formats.ts'
import { Type, type Static } from '@sinclair/typebox'
import { Tenant } from './connector-id.ts'
import { stringEnum } from './string-enum.ts'

/** Why an integration is disabled without anybody asking. */
export const DISABLE_REASONS = {
  gone: 'The far end answered 410 Gone: it does not want deliveries any more.',
  failing: 'Every delivery of the last five days failed.'
} as const
export type DisableReason = keyof typeof DISABLE_REASONS

const isDisableReason = (value: string): value is DisableReason => Object.hasOwn(DISABLE_REASONS, value)

/** What a worker (410) or the scheduler (failing for days) asks of config-api, the only writer of configuration. */
export const DisableRequest = Type.Object({
  tenant: Tenant,
  integrationId: Type.String({ format: 'uuid' }),
  reason: stringEnum(Object.keys(DISABLE_REASONS).filter(isDisableReason), 'Why it is disabled'),
  /** Revision of the configuration that failed: a newer one is not disabled for it. */
  revision: Type.Integer({ minimum: 1 }),
  at: Type.String({ format: 'date-time' })
}, { $id: 'DisableRequest' })
export type DisableRequest = Static<typeof DisableRequest>
