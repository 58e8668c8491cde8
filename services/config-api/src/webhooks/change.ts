import { findIntegration, insertAudit, updateIntegration, type AuditRow, type Db, type IntegrationRow } from '@tw/store'
import { toChanges } from '../audit/changes.ts'
import { isUuid } from '../schemas.ts'
import type { Caller } from '../access.ts'
import type { Ports } from '../ports.ts'
import { done, refuse, type Refusal, type Result } from '../problems.ts'
import type { Project } from './project.ts'
import { CONNECTOR } from './webhook.ts'

const TRIES_MAX = 5

export const notFound = (id: string): Refusal => refuse('TW_WEBHOOK_NOT_FOUND', `There is no webhook ${JSON.stringify(id)}.`)

/** A webhook of the tenant; an id that is none is not asked for. */
export const findWebhook = async (db: Db, tenant: string, id: string): Promise<IntegrationRow | undefined> =>
  isUuid(id) ? await findIntegration(db, { tenant, connector: CONNECTOR, id: id.toLowerCase() }) : undefined

export type Step = { caller: Caller, id: string, action: string }

/** Makes a change: `toNext` says what becomes of the row. A change that changes nothing leaves no trace. */
export type Change = (step: Step, toNext: (row: IntegrationRow) => Promise<Result<IntegrationRow>>) => Promise<Result<IntegrationRow>>

/** An entry of the audit trail. */
export const toAudit = ({ now, newId }: Pick<Ports, 'now' | 'newId'>, { caller, id, action }: Step, changes: AuditRow['changes']): AuditRow =>
  ({ id: newId(), tenant: caller.tenant, at: now(), actor: caller.actor, action, objectId: id, changes })

/** A change and its audit stand in one transaction; someone else's change in between is not overwritten but built upon. */
export const createChange = (ports: Pick<Ports, 'store' | 'now' | 'newId'>, project: Project): Change => {
  const { store, now } = ports
  const write = (step: Step, before: IntegrationRow, after: IntegrationRow): Promise<boolean> => store.transaction(async db => {
    if (!await updateIntegration(db, after)) return false
    await insertAudit(db, toAudit(ports, { ...step, id: before.id }, toChanges(before, after)))
    return true
  })

  return async (step, toNext) => {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const row = await findWebhook(store.db, step.caller.tenant, step.id)
      if (row === undefined) return notFound(step.id)
      const next = await toNext(row)
      if (!next.ok) return next
      if (Object.keys(toChanges(row, next.value)).length === 0) return done(row)
      const after = { ...next.value, revision: row.revision + 1, updatedAt: now() }
      if (await write(step, row, after)) {
        await project.put(after)
        return done(after)
      }
    }
    return refuse('TW_CONFLICT', 'The webhook is being changed by others at the same time: read it again and repeat the change.')
  }
}
