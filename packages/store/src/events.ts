import type { EventType } from '@tw/contracts'
import { Prisma } from './generated/client.ts'
import type { Db } from './open.ts'

/** An event as the stream accepted it; `body` is its JSON text. */
export type StoredEvent = { source: string, id: string, type: EventType, receivedAt: Date, body: string }

/** Which events a replay passes again: of these types, accepted from `since` until before `until`. */
export type EventRange = {
  tenant: string
  integrationId: string
  since: Date
  until: Date
  eventTypes: readonly string[]
  /** `undelivered` leaves out what the integration already got. */
  scope: 'undelivered' | 'all'
}

type EventKey = { tenant: string, source: string, id: string, receivedAt: Date }

/** The event that was accepted at that time; undefined when retention has dropped it. */
export const findEvent = async (db: Db, { tenant, source, id, receivedAt }: EventKey): Promise<StoredEvent | undefined> => {
  const row = await db.event.findFirst({ where: { tenant, source, id, receivedAt } })
  return row === null ? undefined : row as StoredEvent
}

/** Within it a stream stores one delivery of an event that is repeated, however often: its row stands at the first of the repeats. */
const REPEATS_MS = 120_000

const toScope = ({ tenant, integrationId, since, until, scope }: EventRange): Prisma.Sql => scope === 'all'
  ? Prisma.empty
  : Prisma.sql`AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant = ${tenant} AND d.integration_id = ${integrationId}::uuid
      AND d.created_at >= ${new Date(since.getTime() - REPEATS_MS)} AND d.created_at < ${until}
      AND d.created_at BETWEEN e.received_at - ${REPEATS_MS} * interval '1 millisecond' AND e.received_at
      AND d.event_id = e.id AND d.event_source = e.source AND d.status = 'delivered')`

const toRange = (range: EventRange): Prisma.Sql => Prisma.sql`e.tenant = ${range.tenant} AND e.received_at >= ${range.since} AND e.received_at < ${range.until}
  AND e.type = ANY(${[...range.eventTypes]}) AND NOT e.test ${toScope(range)}`

/** How many events the range holds now. */
export const countEvents = async (db: Db, range: EventRange): Promise<number> => {
  const [row] = await db.$queryRaw<{ count: number }[]>(Prisma.sql`SELECT count(*)::int AS count FROM events e WHERE ${toRange(range)}`)
  return row?.count ?? 0
}

/** The next events of the range in the order they were accepted, after the one the cursor names. */
export const listEventsToReplay = (db: Db, range: EventRange, page: { after?: { receivedAt: Date, source: string, id: string }, limit: number }): Promise<StoredEvent[]> => {
  const { after, limit } = page
  const further = after === undefined
    ? Prisma.empty
    : Prisma.sql`AND e.received_at >= ${after.receivedAt} AND (e.received_at, e.source, e.id) > (${after.receivedAt}, ${after.source}, ${after.id})`
  return db.$queryRaw<StoredEvent[]>(Prisma.sql`
    SELECT e.source, e.id, e.type, e.received_at AS "receivedAt", e.body FROM events e
    WHERE ${toRange(range)} ${further} ORDER BY e.received_at, e.source, e.id LIMIT ${limit}`)
}
