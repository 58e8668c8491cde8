import type { DeliverySummary } from '@tw/contracts'
import type { Statement, Store } from './open.ts'

// A delivery whose attempt was recorded first is there already: it is left out, for a conflict would lock, and so write, its row. A newer round puts it back to queued, with its attempts so far.
const RECORD: Statement = {
  name: 'record-deliveries',
  text: `
INSERT INTO deliveries (id, tenant, integration_id, connector, event_id, event_source, event_type, status, attempts, test, created_at, round, fact_at)
SELECT DISTINCT ON (id) id, tenant, "integrationId", connector, "eventId", "eventSource", "eventType", 'queued', 0, trigger = 'test', "createdAt", round,
  CASE WHEN round = 0 THEN "createdAt" ELSE to_timestamp(round / 1000.0) END
FROM json_to_recordset($1::json) AS x(id uuid, tenant text, "integrationId" uuid, connector text, "eventId" text, "eventSource" text, "eventType" text,
  trigger text, "createdAt" timestamptz, round bigint)
WHERE NOT EXISTS (SELECT FROM deliveries known WHERE known.id = x.id AND known.created_at = x."createdAt" AND known.round >= x.round)
ORDER BY id, round DESC
ON CONFLICT (id, created_at) DO UPDATE
SET status = 'queued', next_attempt_at = NULL, error = NULL, round = excluded.round, fact_at = excluded.fact_at
WHERE excluded.round > deliveries.round`
}

/** Writes many deliveries as queued, in one statement. What the log knows of them already stands. */
export const recordDeliveries = async ({ write }: Pick<Store, 'write'>, deliveries: readonly DeliverySummary[]): Promise<void> => {
  if (deliveries.length > 0) await write(RECORD, JSON.stringify(deliveries))
}
