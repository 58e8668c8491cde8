import type { Statement, Store } from './open.ts'

/** An event that was not understood, as it came. `payload` is base64; `bytes` its whole size. */
export type RejectedRow = {
  sequence: number
  receivedAt: string
  tenant: string
  subject: string
  reason: string
  detail: string
  contentType: string | null
  payload: string
  bytes: number
}

const RECORD: Statement = {
  name: 'record-rejected',
  text: `
INSERT INTO rejected (sequence, received_at, tenant, subject, reason, detail, content_type, payload, bytes)
SELECT sequence, "receivedAt", tenant, subject, reason, detail, "contentType", decode(payload, 'base64'), bytes
FROM json_to_recordset($1::json) AS x(sequence bigint, "receivedAt" timestamptz, tenant text, subject text, reason text, detail text,
  "contentType" text, payload text, bytes int)
ON CONFLICT DO NOTHING`
}

/** Writes many rejected events in one statement. */
export const recordRejected = async ({ write }: Pick<Store, 'write'>, rows: readonly RejectedRow[]): Promise<void> => {
  if (rows.length > 0) await write(RECORD, JSON.stringify(rows))
}
