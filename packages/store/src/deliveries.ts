import type { ConnectorId, DeliveryStatus, EventType } from '@tw/contracts'
import type { Prisma } from './generated/client.ts'
import { toTimeBounds, type PageRequest, type TimeRange } from './keyset.ts'
import type { Db } from './open.ts'

/** A delivery as the log holds it. */
export type DeliveryRow = Omit<Prisma.DeliveryGetPayload<object>, 'connector' | 'eventType' | 'status'> &
  { connector: ConnectorId, eventType: EventType, status: DeliveryStatus }

export type DeliveryFilter = TimeRange & {
  integrationId?: string | undefined
  eventType?: EventType | undefined
  status?: DeliveryStatus | undefined
  statusCode?: number | undefined
  eventId?: string | undefined
}

// The recorder writes these columns from values of these very types.
const toRow = (row: Prisma.DeliveryGetPayload<object>): DeliveryRow => row as DeliveryRow

const toEqual = ({ integrationId, eventType, status, statusCode, eventId }: DeliveryFilter): Prisma.DeliveryWhereInput =>
  Object.fromEntries(Object.entries({ integrationId, eventType, status, statusCode, eventId }).filter(([, value]) => value !== undefined))

/** A page of one connector's deliveries, newest first: by the time their event was accepted, then by id. */
export const listDeliveries = async (db: Db, { tenant, connector, before, limit, ...filter }: PageRequest & DeliveryFilter & { connector: ConnectorId }): Promise<DeliveryRow[]> => {
  const older = before === undefined ? {} : { OR: [{ createdAt: { lt: before.at } }, { createdAt: before.at, id: { lt: before.id } }] }
  const rows = await db.delivery.findMany({
    where: { tenant, connector, ...toEqual(filter), createdAt: toTimeBounds(filter, before), ...older },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: limit
  })
  return rows.map(toRow)
}

/** Undefined when the tenant has none of that id. An event that came again after days has two rows: the newer one counts. */
export const findDelivery = async (db: Db, { tenant, connector, id }: { tenant: string, connector: ConnectorId, id: string }): Promise<DeliveryRow | undefined> => {
  const row = await db.delivery.findFirst({ where: { id, tenant, connector }, orderBy: { createdAt: 'desc' } })
  return row === null ? undefined : toRow(row)
}

/**
 * Integrations that delivered nothing since `since` although deliveries failed, the first of them within a day of `since`:
 * they have been failing all the time.
 */
export const findFailingIntegrations = async (db: Db, { since }: { since: Date }): Promise<{ tenant: string, integrationId: string }[]> => db.$queryRaw`
  SELECT tenant, integration_id::text AS "integrationId" FROM deliveries
  WHERE created_at >= ${since} AND NOT test AND status IN ('delivered', 'failed', 'retrying')
  GROUP BY tenant, integration_id
  HAVING bool_and(status <> 'delivered') AND bool_or(status = 'failed') AND min(created_at) < ${since}::timestamptz + interval '1 day'`
