// Owns what other teams see: schemas, subjects, ids, codes.
// Never does I/O, and never knows how something is delivered.
export { CONNECTOR_IDS, ConnectorId, Tenant } from './connector-id.ts'
export { Assessment, CriticalFinding, FINDING_STATUSES, Finding, FindingStatus, SEVERITIES, Scan, Severity, Sla, Sync } from './event-data.ts'
export { EVENT_BYTES_MAX, EVENT_DATA, EVENT_TITLES, EVENT_TYPES, Envelope, EventType, isEventType, type Event } from './event.ts'
export { Integration } from './integration.ts'
export { DELIVERY_STATUSES, Delivery, DeliveryStatus, DeliverySummary, TRIGGERS, Trigger, toDeliveryId, toDeliverySummary } from './delivery.ts'
export { ANSWER_BYTES_KEPT, Attempt, AttemptBatch, AttemptRequest, AttemptResponse } from './attempt.ts'
export { REJECTION_REASONS, type Rejection, type RejectionReason } from './rejection.ts'
export { TIERS, findEventSubject, findTenant, subjects, type Tier } from './subjects.ts'
export { DISABLE_REASONS, DisableRequest, type DisableReason } from './disable.ts'
export { IntegrationUpdate } from './update.ts'
export { PROBLEMS, Problem, type ProblemCode } from './problem.ts'
