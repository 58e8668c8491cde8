import type { Prisma } from './generated/client.ts'
import type { Db } from './open.ts'

/** An attempt as the log holds it; `request` and `response` are JSON texts. */
export type AttemptRow = Prisma.AttemptGetPayload<object>

const ATTEMPTS_MAX = 1_000

/** The newest 1,000 attempts of a delivery that was found by its tenant, in the order they were made. */
export const listAttempts = async (db: Db, { id, createdAt }: { id: string, createdAt: Date }): Promise<AttemptRow[]> => {
  const rows = await db.attempt.findMany({
    where: { deliveryId: id, deliveryCreatedAt: createdAt }, orderBy: [{ round: 'desc' }, { number: 'desc' }], take: ATTEMPTS_MAX
  })
  return rows.reverse()
}
