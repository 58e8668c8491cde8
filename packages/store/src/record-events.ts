import type { Statement, Store } from './open.ts'

/** An event as the stream accepted it; `body` is its JSON text. */
export type EventRow = { tenant: string, source: string, id: string, type: string, receivedAt: string, body: string, test: boolean }

const RECORD: Statement = {
  name: 'record-events',
  text: `
INSERT INTO events (tenant, source, id, type, received_at, body, test)
SELECT tenant, source, id, type, "receivedAt", body, test
FROM json_to_recordset($1::json) AS x(tenant text, source text, id text, type text, "receivedAt" timestamptz, body text, test boolean)
ON CONFLICT DO NOTHING`
}

/** Writes many events in one statement; one that is written already stays as it is. */
export const recordEvents = async ({ write }: Pick<Store, 'write'>, rows: readonly EventRow[]): Promise<void> => {
  if (rows.length > 0) await write(RECORD, JSON.stringify(rows))
}
