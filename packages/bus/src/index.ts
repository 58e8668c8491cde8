// Owns nats: connections, streams, consumers, the watched configuration.
// Never decides what becomes of a delivery.
export { openBus, type Bus, type BusOptions } from './connect.ts'
export { durables, ensureTopology, toAckWaitMs, type StreamName, type TopologyOptions } from './streams.ts'
export { PublishError, createPublish, type Publication, type Publish } from './publish.ts'
export { ACK, consume, type Answer, type Message, type OnTrouble, type Reading, type Source } from './consume.ts'
export { consumeBatches } from './consume-batches.ts'
export { findSummary, toPublication } from './deliveries.ts'
export { dropAcked } from './drop-acked.ts'
export { createRoom } from './room.ts'
export { openIntegrationsView, openProjection, type IntegrationsView, type Projection } from './integrations-view.ts'
