import type { Position } from '@tw/store'
import { done, refuse, type Result } from './problems.ts'

/** What a list orders things of the same time by. */
export type CursorId = 'uuid' | 'sequence'

const ID: Record<CursorId, RegExp> = {
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  sequence: /^\d{1,18}$/
}
const SHAPE = /^1 (\d{1,15}) (\S{1,40})$/
const INVALID = refuse('TW_INVALID_CURSOR', 'Pass `next` of the page before as it is, or leave `cursor` out to begin with the first page.')

/** Where the next page begins, opaque to callers. */
export const toCursor = ({ at, id }: Position<string | bigint>): string => Buffer.from(`1 ${at.getTime()} ${id}`).toString('base64url')

/** The position a cursor stands for; undefined without a cursor. It grants nothing: the tenant is in the query beside it. */
export const parseCursor = (cursor: string | undefined, kind: CursorId): Result<Position | undefined> => {
  if (cursor === undefined) return done(undefined)
  const [, time = '', id = ''] = SHAPE.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (!ID[kind].test(id)) return INVALID
  const at = new Date(Number(time))
  return toCursor({ at, id }) === cursor && at.getUTCFullYear() < 10_000 ? done({ at, id }) : INVALID
}

/** A page and where the next one begins; null at the end. One row more than the limit was asked for. */
export const toPage = <Row, Item>(rows: readonly Row[], limit: number, { toItem, toPosition }: { toItem: (row: Row) => Item, toPosition: (row: Row) => Position<string | bigint> }): { items: Item[], next: string | null } => {
  const last = rows.length > limit ? rows[limit - 1] : undefined
  return { items: rows.slice(0, limit).map(toItem), next: last === undefined ? null : toCursor(toPosition(last)) }
}
