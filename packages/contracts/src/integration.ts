import './formats.ts'
import { Type, type Static } from '@sinclair/typebox'
import { ConnectorId, Tenant } from './connector-id.ts'
import { EventType, type EventType as EventTypeName } from './event.ts'
import { Severity } from './event-data.ts'

/** An integration as the dispatcher and the workers watch it in the bucket `integrations`: secrets are sealed. */
export const Integration = Type.Object({
  id: Type.String({ format: 'uuid' }),
  tenant: Tenant,
  connector: ConnectorId,
  name: Type.String(),
  enabled: Type.Boolean(),
  events: Type.Array(EventType),
  minimumSeverity: Type.Optional(Severity),
  /** Plain settings of the connector, valid by its manifest. */
  config: Type.Record(Type.String(), Type.Unknown()),
  /** Sealed secrets by field path; only a worker's keyring opens them. */
  sealed: Type.Record(Type.String(), Type.String()),
  /** Grows with each change: an older projection never replaces a newer one. */
  revision: Type.Integer({ minimum: 1 })
}, { $id: 'Integration' })

export type Integration = Static<typeof Integration> & { connector: ConnectorId, events: EventTypeName[] }
