import type { Prisma } from './generated/client.ts'
import { toTimeBounds, type PageRequest } from './keyset.ts'
import type { Db } from './open.ts'

/** waiting: not begun · running · done · cancelled: by a person · failed: `error` says why. */
export type ReplayState = 'waiting' | 'running' | 'done' | 'cancelled' | 'failed'
export type ReplayRow = Omit<Prisma.ReplayGetPayload<object>, 'state' | 'scope'> & { state: ReplayState, scope: 'undelivered' | 'all' }
export type NewReplay = Pick<ReplayRow, 'id' | 'tenant' | 'integrationId' | 'since' | 'until' | 'eventTypes' | 'scope' | 'ratePerSecond' | 'total' | 'round' | 'createdBy' | 'createdAt'>

// Only this file writes the table.
const toRow = (row: Prisma.ReplayGetPayload<object>): ReplayRow => row as ReplayRow

export const insertReplay = async (db: Db, replay: NewReplay): Promise<ReplayRow> => toRow(await db.replay.create({ data: { ...replay, state: 'waiting' } }))

/** Undefined when the tenant has none of that id. */
export const findReplay = async (db: Db, { tenant, id }: { tenant: string, id: string }): Promise<ReplayRow | undefined> => {
  const row = await db.replay.findFirst({ where: { id, tenant } })
  return row === null ? undefined : toRow(row)
}

/** A page of the tenant's replays, newest first. */
export const listReplays = async (db: Db, { tenant, before, limit, integrationId }: PageRequest & { integrationId?: string | undefined }): Promise<ReplayRow[]> => {
  const older = before === undefined ? {} : { OR: [{ createdAt: { lt: before.at } }, { createdAt: before.at, id: { lt: before.id } }] }
  const rows = await db.replay.findMany({
    where: { tenant, ...(integrationId === undefined ? {} : { integrationId }), createdAt: toTimeBounds({}, before), ...older },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: limit
  })
  return rows.map(toRow)
}

/** Ends a replay that has not ended; false when it has, or the tenant has none of that id. What is published already stays published. */
export const cancelReplay = async (db: Db, { tenant, id, now }: { tenant: string, id: string, now: Date }): Promise<boolean> =>
  (await db.replay.updateMany({ where: { id, tenant, finishedAt: null }, data: { state: 'cancelled', finishedAt: now, leasedUntil: null } })).count === 1

/**
 * Takes the oldest replay nobody works on, until `now` plus `leaseMs`; a lease that ran out is free again. Two processes never get the
 * same one.
 */
export const claimReplay = async (db: Db, { now, leaseMs }: { now: Date, leaseMs: number }): Promise<ReplayRow | undefined> => {
  const [taken] = await db.$queryRaw<{ id: string }[]>`
    UPDATE replays SET state = 'running', leased_until = ${new Date(now.getTime() + leaseMs)} WHERE id = (
      SELECT id FROM replays WHERE finished_at IS NULL AND (leased_until IS NULL OR leased_until < ${now})
      ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING id::text`
  const row = taken === undefined ? null : await db.replay.findUnique({ where: { id: taken.id } })
  return row === null ? undefined : toRow(row)
}

/** Notes what was published up to the cursor and keeps the lease; false when the replay was cancelled meanwhile. */
export const advanceReplay = async (db: Db, id: string, step: { published: number, cursorAt: Date, cursorKey: string, leasedUntil: Date }): Promise<boolean> => {
  const { published, ...data } = step
  return (await db.replay.updateMany({ where: { id, state: 'running', finishedAt: null }, data: { ...data, published: { increment: published } } })).count === 1
}

/** Ends a replay; one that was cancelled stays cancelled. */
export const finishReplay = async (db: Db, id: string, end: { state: 'done' | 'failed', error?: string, now: Date }): Promise<void> => {
  await db.replay.updateMany({ where: { id, finishedAt: null }, data: { state: end.state, error: end.error ?? null, finishedAt: end.now, leasedUntil: null } })
}
