import { AckPolicy, DeliverPolicy, DiscardPolicy, RetentionPolicy, StorageType, type ConsumerConfig, type JetStreamManager, type StreamConfig } from 'nats'
import { CONNECTOR_IDS, TIERS, subjects, type ConnectorId, type Tier } from '@tw/contracts'

const toNanos = (ms: number): number => ms * 1_000_000
const DAY_MS = 86_400_000

/** Names of durable consumers: one word each, the same everywhere. */
export const durables = {
  dispatcher: 'dispatcher',
  recorderEvents: 'recorder-events',
  recorderDeliveries: 'recorder-deliveries',
  recorderAttempts: 'recorder-attempts',
  recorderRejected: 'recorder-rejected',
  configApiDisable: 'config-api-disable',
  worker: (connector: ConnectorId): string => `worker-${connector}`,
  tier: (connector: ConnectorId, tier: Tier): string => `worker-${connector}-${tier}`
} as const

export type StreamName = 'EVENTS' | 'DELIVERIES' | 'RETRIES' | 'ATTEMPTS' | 'REJECTED' | 'DISABLE' | 'UPDATES'

const STREAMS: Record<StreamName, { subjects: string[], retention: RetentionPolicy, ageDays?: number }> = {
  EVENTS: { subjects: ['tw.events.>'], retention: RetentionPolicy.Limits, ageDays: 7 },
  DELIVERIES: { subjects: ['tw.deliveries.*'], retention: RetentionPolicy.Interest },
  RETRIES: { subjects: ['tw.retries.*.*'], retention: RetentionPolicy.Workqueue },
  ATTEMPTS: { subjects: ['tw.attempts.*'], retention: RetentionPolicy.Workqueue },
  REJECTED: { subjects: ['tw.rejected.*'], retention: RetentionPolicy.Limits, ageDays: 30 },
  DISABLE: { subjects: ['tw.disable.*'], retention: RetentionPolicy.Workqueue },
  UPDATES: { subjects: ['tw.updates.*.*'], retention: RetentionPolicy.Limits, ageDays: 7 }
}

type Durable = { stream: StreamName, name: string, ackWaitMs: number, ackPendingMax: number, filter?: string, headersOnly?: true }

export type TopologyOptions = {
  /** Copies of each stream. */
  replicas: number
  /** Longest attempt; a worker's message is handed out again when it is unanswered for this and a margin. */
  deliveryDeadlineMs: number
}

/** What a crash of a worker costs at most before its deliveries are handed out again, beyond the deadline itself. */
const ACK_MARGIN_MS = 5_000
/** What these read and a stop cut off on its way comes again after this; they keep longer work theirs by a heartbeat. */
const RECORDER_ACK_WAIT_MS = 15_000
const DISPATCHER_ACK_WAIT_MS = 10_000

/** How long a worker may keep a delivery unanswered, in ms. */
export const toAckWaitMs = (deliveryDeadlineMs: number): number => deliveryDeadlineMs + ACK_MARGIN_MS

const toDurables = ({ deliveryDeadlineMs }: TopologyOptions): Durable[] => {
  const ackWaitMs = toAckWaitMs(deliveryDeadlineMs)
  const recorder = { ackWaitMs: RECORDER_ACK_WAIT_MS, ackPendingMax: 20_000 }
  return [
    { stream: 'EVENTS', name: durables.dispatcher, ackWaitMs: DISPATCHER_ACK_WAIT_MS, ackPendingMax: 4_000 },
    { stream: 'EVENTS', name: durables.recorderEvents, ...recorder },
    { stream: 'DELIVERIES', name: durables.recorderDeliveries, headersOnly: true, ...recorder },
    { stream: 'ATTEMPTS', name: durables.recorderAttempts, ...recorder },
    { stream: 'REJECTED', name: durables.recorderRejected, ...recorder },
    { stream: 'DISABLE', name: durables.configApiDisable, ackWaitMs: 30_000, ackPendingMax: 100 },
    ...CONNECTOR_IDS.flatMap((connector): Durable[] => [
      { stream: 'DELIVERIES', name: durables.worker(connector), ackWaitMs, ackPendingMax: 4_000, filter: subjects.delivery(connector) },
      // What is not due yet counts as pending: this bound is how far a tier looks ahead (measured: 200 to 5,000 alike).
      ...TIERS.map((tier): Durable => ({ stream: 'RETRIES', name: durables.tier(connector, tier), ackWaitMs, ackPendingMax: 1_000, filter: subjects.retry(tier, connector) }))
    ])
  ]
}

const toStreamConfig = (name: StreamName, replicas: number): Partial<StreamConfig> & { name: string } => ({
  name,
  subjects: STREAMS[name].subjects,
  retention: STREAMS[name].retention,
  storage: StorageType.File,
  // A full disk refuses what is new; what was accepted stays.
  discard: STREAMS[name].retention === RetentionPolicy.Limits ? DiscardPolicy.Old : DiscardPolicy.New,
  num_replicas: replicas,
  duplicate_window: toNanos(120_000),
  max_age: toNanos((STREAMS[name].ageDays ?? 0) * DAY_MS)
})

const toConsumerConfig = (durable: Durable): ConsumerConfig => ({
  durable_name: durable.name,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  ack_wait: toNanos(durable.ackWaitMs),
  // No limit: a message leaves a stream because it was answered, never because it was handed out too often.
  max_deliver: -1,
  max_ack_pending: durable.ackPendingMax,
  ...(durable.headersOnly === undefined ? {} : { headers_only: true }),
  ...(durable.filter === undefined ? {} : { filter_subject: durable.filter })
} as ConsumerConfig)

const isMissing = (error: unknown): boolean => error instanceof Error && /not found/i.test(error.message)

const ensureStream = async (jsm: JetStreamManager, name: StreamName, replicas: number): Promise<void> => {
  const config = toStreamConfig(name, replicas)
  try {
    await jsm.streams.update(name, config)
  } catch (error) {
    if (!isMissing(error)) throw error
    await jsm.streams.add(config)
  }
}

const ensureDurable = async (jsm: JetStreamManager, durable: Durable): Promise<void> => {
  const config = toConsumerConfig(durable)
  try {
    await jsm.consumers.update(durable.stream, durable.name, config)
  } catch (error) {
    if (!isMissing(error)) throw error
    await jsm.consumers.add(durable.stream, config)
  }
}

/**
 * Makes every stream and every durable consumer as this version wants them; any service may run it at any time, several at once.
 * Durables come before anything is published: an interest stream keeps a message only for consumers that exist.
 */
export const ensureTopology = async (jsm: JetStreamManager, options: TopologyOptions): Promise<void> => {
  for (const name of Object.keys(STREAMS)) await ensureStream(jsm, name as StreamName, options.replicas)
  for (const durable of toDurables(options)) await ensureDurable(jsm, durable)
}
