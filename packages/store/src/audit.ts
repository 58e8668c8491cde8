import type { Prisma } from './generated/client.ts'
import { toTimeBounds, type PageRequest, type TimeRange } from './keyset.ts'
import type { Db } from './open.ts'

/** A change of the configuration: field -> what it was and became, secrets masked. */
export type AuditRow = {
  id: string
  tenant: string
  at: Date
  actor: string
  action: string
  objectId: string
  changes: Record<string, { from: unknown, to: unknown }>
}

/** Call it in the transaction that makes the change. */
export const insertAudit = async (db: Db, row: AuditRow): Promise<void> => {
  await db.audit.create({ data: { ...row, changes: row.changes as Prisma.InputJsonObject } })
}

/** A page of the tenant's changes, newest first. */
export const listAudit = async (db: Db, { tenant, before, limit, objectId, ...range }: PageRequest & TimeRange & { objectId?: string | undefined }): Promise<AuditRow[]> => {
  const older = before === undefined ? {} : { OR: [{ at: { lt: before.at } }, { at: before.at, id: { lt: before.id } }] }
  const rows = await db.audit.findMany({
    where: { tenant, ...(objectId === undefined ? {} : { objectId }), at: toTimeBounds(range, before), ...older },
    orderBy: [{ at: 'desc' }, { id: 'desc' }],
    take: limit
  })
  return rows.map(row => row as unknown as AuditRow)
}
