import { type ConnectorId, type DisableReason, type Integration } from '@tw/contracts'
import type { Prisma } from './generated/client.ts'
import { toTimeBounds, type PageRequest } from './keyset.ts'
import type { Db } from './open.ts'

/** A row as the API and the reconciler read it. */
export type IntegrationRow = Integration & {
  disabledReason: DisableReason | null
  rotatedUntil: Date | null
  createdAt: Date
  updatedAt: Date
}
export type NewIntegration = IntegrationRow

type Key = { tenant: string, connector: ConnectorId, id: string }
type Row = Prisma.IntegrationGetPayload<object>

// Only this package writes the table, from values of these very types.
const toRow = (row: Row): IntegrationRow => row as unknown as IntegrationRow

const toData = (row: IntegrationRow): Prisma.IntegrationUncheckedCreateInput => {
  const { id, tenant, connector, name, enabled, disabledReason, events, revision, rotatedUntil, createdAt, updatedAt } = row
  const config = row.config as Prisma.InputJsonObject
  return { id, tenant, connector, name, enabled, disabledReason, events, config, sealed: row.sealed, revision, rotatedUntil, createdAt, updatedAt }
}

/** What the bucket `integrations` holds of a row. */
export const toProjected = ({ id, tenant, connector, name, enabled, events, config, sealed, revision }: IntegrationRow): Integration =>
  ({ id, tenant, connector, name, enabled, events, config, sealed, revision })

/** Undefined when the tenant has none of that id. */
export const findIntegration = async (db: Db, { tenant, connector, id }: Omit<Key, 'connector'> & Partial<Key>): Promise<IntegrationRow | undefined> => {
  const row = await db.integration.findFirst({ where: { id, tenant, ...(connector === undefined ? {} : { connector }) } })
  return row === null ? undefined : toRow(row)
}

/** A page of a tenant's integrations of one connector, newest first. */
export const listIntegrations = async (db: Db, { tenant, connector, before, limit }: PageRequest & { connector: ConnectorId }): Promise<IntegrationRow[]> => {
  const older = before === undefined ? {} : { OR: [{ createdAt: { lt: before.at } }, { createdAt: before.at, id: { lt: before.id } }] }
  const rows = await db.integration.findMany({
    where: { tenant, connector, createdAt: toTimeBounds({}, before), ...older }, orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], take: limit
  })
  return rows.map(toRow)
}

/** Integrations of all tenants in the order of their ids, for the reconciler. */
export const listIntegrationsAfter = async (db: Db, { afterId, limit }: { afterId?: string | undefined, limit: number }): Promise<IntegrationRow[]> => {
  const rows = await db.integration.findMany({ where: afterId === undefined ? {} : { id: { gt: afterId } }, orderBy: { id: 'asc' }, take: limit })
  return rows.map(toRow)
}

/** Integrations whose rotated secret has outlived its overlap. */
export const findWithExpiredSecret = async (db: Db, now: Date): Promise<IntegrationRow[]> =>
  (await db.integration.findMany({ where: { rotatedUntil: { lte: now } }, take: 1_000 })).map(toRow)

export const countIntegrations = (db: Db, { tenant, connector }: Omit<Key, 'id'>): Promise<number> => db.integration.count({ where: { tenant, connector } })

export const insertIntegration = async (db: Db, row: NewIntegration): Promise<void> => {
  await db.integration.create({ data: toData(row) })
}

/** Writes the row if its stored revision is still the one before `row.revision`; false when someone else was faster. */
export const updateIntegration = async (db: Db, row: IntegrationRow): Promise<boolean> => {
  const { id, tenant, connector, ...data } = toData(row)
  const { count } = await db.integration.updateMany({ where: { id: row.id, tenant, connector, revision: row.revision - 1 }, data })
  return count === 1
}

/** False when the tenant has none of that id. */
export const removeIntegration = async (db: Db, { tenant, connector, id }: Key): Promise<boolean> =>
  (await db.integration.deleteMany({ where: { id, tenant, connector } })).count === 1
