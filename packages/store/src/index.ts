// Owns Postgres: schema, migrations, partitions, one file of verbs for each table.
// Never decides anything about an event or a delivery, and knows no HTTP and no NATS.
export { openStore, type Db, type Statement, type Store, type StoreOptions, type Write } from './open.ts'
export { StoreUnreachable, isUnreachable } from './unreachable.ts'
export { dropPartitions, ensurePartitions } from './partitions.ts'
export type { Position } from './keyset.ts'
export {
  countIntegrations, findIntegration, findWithExpiredSecret, insertIntegration, listIntegrations, listIntegrationsAfter, removeIntegration, toProjected,
  updateIntegration, type IntegrationRow, type NewIntegration
} from './integrations.ts'
export { findDelivery, findFailingIntegrations, listDeliveries, type DeliveryFilter, type DeliveryRow } from './deliveries.ts'
export { listAttempts, type AttemptRow } from './attempts.ts'
export { countEvents, findEvent, listEventsToReplay, type EventRange, type StoredEvent } from './events.ts'
export { listRejected, type RejectedFilter } from './rejected.ts'
export { advanceReplay, cancelReplay, claimReplay, findReplay, finishReplay, insertReplay, listReplays, type NewReplay, type ReplayRow } from './replays.ts'
export { insertAudit, listAudit, type AuditRow } from './audit.ts'
export { recordAttempts } from './record-attempts.ts'
export { recordDeliveries } from './record-deliveries.ts'
export { recordEvents, type EventRow } from './record-events.ts'
export { recordRejected, type RejectedRow } from './record-rejected.ts'
