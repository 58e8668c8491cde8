import './formats.ts'
import { Type, type Static } from '@sinclair/typebox'
import { ConnectorId, Tenant } from './connector-id.ts'
import { DisableRequest } from './disable.ts'

/** What ThreatWeaver is told when an integration was disabled without anybody asking: `tw.updates.<tenant>.integration`, kept 7 days. */
export const IntegrationUpdate = Type.Object({
  kind: Type.Literal('integration.disabled'),
  tenant: Tenant,
  connector: ConnectorId,
  integrationId: Type.String({ format: 'uuid' }),
  name: Type.String(),
  reason: Type.Index(DisableRequest, ['reason']),
  detail: Type.String({ description: 'The reason as a sentence' }),
  at: Type.String({ format: 'date-time' })
}, { $id: 'IntegrationUpdate' })
export type IntegrationUpdate = Static<typeof IntegrationUpdate>
