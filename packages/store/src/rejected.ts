import type { RejectionReason } from '@tw/contracts'
import type { Prisma } from './generated/client.ts'
import { toTimeBounds, type PageRequest, type TimeRange } from './keyset.ts'
import type { Db } from './open.ts'

export type RejectedFilter = TimeRange & { reason?: RejectionReason | undefined }

/** A page of the tenant's events that were not understood, newest first. */
export const listRejected = (db: Db, { tenant, before, limit, reason, ...range }: PageRequest<bigint> & RejectedFilter): Promise<Prisma.RejectedGetPayload<object>[]> => {
  const older = before === undefined ? {} : { OR: [{ receivedAt: { lt: before.at } }, { receivedAt: before.at, sequence: { lt: before.id } }] }
  return db.rejected.findMany({
    where: { tenant, ...(reason === undefined ? {} : { reason }), receivedAt: toTimeBounds(range, before), ...older },
    orderBy: [{ receivedAt: 'desc' }, { sequence: 'desc' }],
    take: limit
  })
}
