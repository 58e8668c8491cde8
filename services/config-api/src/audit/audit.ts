import { Type, type Static } from '@sinclair/typebox'
import { listAudit, type AuditRow } from '@tw/store'
import type { Caller } from '../access.ts'
import { parseCursor, toPage } from '../cursor.ts'
import type { Ports } from '../ports.ts'
import { done, type Result } from '../problems.ts'
import { Page, PageQuery, Time, timeFilters, toRange } from '../schemas.ts'

/** A change of the configuration. */
export const AuditEntry = Type.Object({
  id: Type.String({ format: 'uuid' }),
  at: Time('When'),
  actor: Type.String({ description: 'Who: `sub` of the token, or `system`' }),
  action: Type.String({ examples: ['webhook.updated'] }),
  webhookId: Type.String({ format: 'uuid' }),
  changes: Type.Record(Type.String(), Type.Object({ from: Type.Unknown(), to: Type.Unknown() }), { description: 'Field by field; secrets are masked' })
}, { $id: 'AuditEntry' })
export type AuditEntry = Static<typeof AuditEntry>

export const AuditPage = Page('AuditEntry')
export const AuditQuery = PageQuery({ webhook: Type.Optional(Type.String({ format: 'uuid', description: 'Only of this webhook' })), ...timeFilters })
export type AuditQuery = Static<typeof AuditQuery>

const toEntry = ({ id, at, actor, action, objectId, changes }: AuditRow): AuditEntry => ({ id, at: at.toISOString(), actor, action, webhookId: objectId, changes })

export type ListAudit = (caller: Caller, query: AuditQuery) => Promise<Result<{ items: AuditEntry[], next: string | null }>>

/** Who changed what of the caller's tenant. */
export const createListAudit = ({ store }: Pick<Ports, 'store'>): ListAudit => async ({ tenant }, { limit, cursor, webhook, since, until }) => {
  const before = parseCursor(cursor, 'uuid')
  if (!before.ok) return before
  const range = toRange({ since, until })
  const rows = await listAudit(store.db, { tenant, before: before.value, limit: limit + 1, objectId: webhook?.toLowerCase(), ...range })
  return done(toPage(rows, limit, { toItem: toEntry, toPosition: ({ at, id }) => ({ at, id }) }))
}
