// Writes attempts and, in the same statement, what they mean for their deliveries. Guarantees: an attempt that comes twice is counted
// once; an older fact never replaces a newer one, whatever order they come in; what was delivered in a round stays delivered in it; an
// attempt that is made again after a later one, because a crash lost its answer, does not bring the delivery back.
import type { Attempt } from '@tw/contracts'
import type { Statement, Store } from './open.ts'

const INPUT = `json_to_recordset($1::json) AS x("deliveryId" uuid, tenant text, connector text, "integrationId" uuid, "eventId" text, "eventSource" text,
  "eventType" text, "deliveryCreatedAt" timestamptz, trigger text, round bigint, number int, "startedAt" timestamptz, "responseTimeMs" int, status text,
  "statusCode" int, error text, request text, response text, "nextAttemptAt" timestamptz)`

// Of one round the attempt of the highest number counts, not the latest one; only against a cancellation, which has none, the time does.
const OVERTAKEN = "'epoch'::timestamptz"
const NEWER = `(excluded.round > deliveries.round OR (excluded.round = deliveries.round AND deliveries.status <> 'delivered' AND excluded.fact_at > ${OVERTAKEN}
  AND (excluded.status = 'delivered' OR excluded.fact_at >= deliveries.fact_at OR 'cancelled' NOT IN (excluded.status, deliveries.status))))`
const KEPT = ['status', 'status_code', 'response_time_ms', 'error', 'next_attempt_at', 'round', 'fact_at']
  .map(column => `${column} = CASE WHEN ${NEWER} THEN excluded.${column} ELSE deliveries.${column} END`).join(',\n  ')

// Number 0 tells of a delivery that ended without an attempt.
const RECORD: Statement = {
  name: 'record-attempts',
  text: `
WITH input AS MATERIALIZED (SELECT * FROM ${INPUT}),
made AS (
  INSERT INTO attempts (delivery_id, delivery_created_at, round, number, trigger, started_at, response_time_ms, status, status_code, error, request, response, next_attempt_at)
  SELECT "deliveryId", "deliveryCreatedAt", round, number, trigger, "startedAt", "responseTimeMs", status, "statusCode", error, request, response, "nextAttemptAt"
  FROM input WHERE number > 0
  ON CONFLICT DO NOTHING
  RETURNING delivery_id
),
counts AS (SELECT delivery_id, count(*)::int AS attempts FROM made GROUP BY delivery_id),
ranked AS (
  SELECT *, status <> 'delivered' AND number > 0 AND (number < max(number) OVER (PARTITION BY "deliveryId", round) OR EXISTS (
    SELECT 1 FROM attempts a
    WHERE a.delivery_id = "deliveryId" AND a.delivery_created_at = "deliveryCreatedAt" AND a.round = input.round AND a.number >= input.number)) AS overtaken
  FROM input
),
newest AS (SELECT DISTINCT ON ("deliveryId") * FROM ranked ORDER BY "deliveryId", round DESC, status = 'delivered' DESC, overtaken, "startedAt" DESC)
INSERT INTO deliveries (id, tenant, integration_id, connector, event_id, event_source, event_type, status, status_code, response_time_ms, error,
  attempts, test, next_attempt_at, created_at, round, fact_at)
SELECT "deliveryId", tenant, "integrationId", connector, "eventId", "eventSource", "eventType", status, "statusCode", "responseTimeMs", error,
  coalesce(counts.attempts, 0), trigger = 'test', "nextAttemptAt", "deliveryCreatedAt", round, CASE WHEN overtaken THEN ${OVERTAKEN} ELSE "startedAt" END
FROM newest LEFT JOIN counts ON counts.delivery_id = newest."deliveryId"
ORDER BY "deliveryId"
ON CONFLICT (id, created_at) DO UPDATE SET
  attempts = deliveries.attempts + excluded.attempts,
  ${KEPT}`
}

// Postgres text holds neither NUL nor half a surrogate pair; a far end's words may.
const toText = (text: string | null): string | null => text === null ? null : text.replaceAll('\0', '\ufffd').toWellFormed()
const toJson = (value: object | null): string | null => value === null ? null : JSON.stringify(value)

const toRow = (attempt: Attempt): object =>
  ({ ...attempt, error: toText(attempt.error), request: toJson(attempt.request), response: toJson(attempt.response) })

/** Writes many attempts, and what becomes of their deliveries, in one statement. */
export const recordAttempts = async ({ write }: Pick<Store, 'write'>, attempts: readonly Attempt[]): Promise<void> => {
  if (attempts.length > 0) await write(RECORD, JSON.stringify(attempts.map(toRow)))
}
