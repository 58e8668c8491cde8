import { isUtf8 } from 'node:buffer'
import { Type, type Static } from '@sinclair/typebox'
import { REJECTION_REASONS, type RejectionReason } from '@tw/contracts'
import { listRejected } from '@tw/store'
import type { Caller } from '../access.ts'
import { parseCursor, toPage } from '../cursor.ts'
import type { Ports } from '../ports.ts'
import { done, type Result } from '../problems.ts'
import { Nullable, Page, PageQuery, Time, timeFilters, toRange } from '../schemas.ts'

const REASONS = Object.keys(REJECTION_REASONS)

/** An event that was not understood, as it came. */
export const RejectedEvent = Type.Object({
  sequence: Type.Integer({ description: 'Place in the stream of rejected events' }),
  receivedAt: Time('When it came'),
  subject: Type.String({ description: 'Subject it was sent to' }),
  reason: Type.String({ enum: REASONS }),
  detail: Type.String({ description: 'What is wrong' }),
  contentType: Nullable(Type.String()),
  payload: Type.String({ description: 'What came' }),
  encoding: Type.String({ enum: ['text', 'base64'], description: 'How `payload` is written' }),
  bytes: Type.Integer({ description: 'Its size; `payload` holds less when it was too large to keep' })
}, { $id: 'RejectedEvent' })
export type RejectedEvent = Static<typeof RejectedEvent>

export const RejectedPage = Page('RejectedEvent')
export const RejectedQuery = PageQuery({
  reason: Type.Optional(Type.Unsafe<RejectionReason>(Type.String({ enum: REASONS }))),
  ...timeFilters
})
export type RejectedQuery = Static<typeof RejectedQuery>

type Row = Awaited<ReturnType<typeof listRejected>>[number]

const toRejected = ({ sequence, receivedAt, subject, reason, detail, contentType, payload, bytes }: Row): RejectedEvent => {
  const encoding = isUtf8(payload) ? 'text' : 'base64'
  return {
    sequence: Number(sequence),
    receivedAt: receivedAt.toISOString(),
    subject,
    reason,
    detail,
    contentType,
    payload: Buffer.from(payload).toString(encoding === 'text' ? 'utf8' : 'base64'),
    encoding,
    bytes
  }
}

export type ListRejected = (caller: Caller, query: RejectedQuery) => Promise<Result<{ items: RejectedEvent[], next: string | null }>>

/** Events of the caller's tenant that were not understood. */
export const createListRejected = ({ store }: Pick<Ports, 'store'>): ListRejected => async ({ tenant }, { limit, cursor, reason, since, until }) => {
  const before = parseCursor(cursor, 'sequence')
  if (!before.ok) return before
  const position = before.value === undefined ? undefined : { at: before.value.at, id: BigInt(before.value.id) }
  const range = toRange({ since, until })
  const rows = await listRejected(store.db, { tenant, before: position, limit: limit + 1, reason, ...range })
  return done(toPage(rows, limit, { toItem: toRejected, toPosition: row => ({ at: row.receivedAt, id: row.sequence }) }))
}
