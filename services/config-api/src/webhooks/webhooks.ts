import { DISABLE_REASONS, type DisableRequest } from '@tw/contracts'
import { countIntegrations, insertAudit, insertIntegration, listIntegrations, removeIntegration, type IntegrationRow } from '@tw/store'
import type { Caller } from '../access.ts'
import { toChanges } from '../audit/changes.ts'
import { parseCursor, toPage } from '../cursor.ts'
import type { Ports } from '../ports.ts'
import { done, refuse, type Result } from '../problems.ts'
import { createChange, findWebhook, notFound, toAudit } from './change.ts'
import { createProject } from './project.ts'
import { toName, toSettings, type Draft } from './settings.ts'
import { AVAILABLE_EVENTS, CONNECTOR, toWebhook, type NewWebhook, type Webhook } from './webhook.ts'

const WEBHOOKS_MAX = 1_000

type PageOf = { limit: number, cursor?: string }
type WebhookPage = { items: Webhook[], next: string | null, events: typeof AVAILABLE_EVENTS }

/** Configuration of webhooks. Everything is bound to the caller's tenant: another tenant's webhook is not found. */
export type Webhooks = {
  list: (caller: Caller, page: PageOf) => Promise<Result<WebhookPage>>
  get: (caller: Caller, id: string) => Promise<Result<Webhook>>
  create: (caller: Caller, draft: NewWebhook) => Promise<Result<Webhook>>
  update: (caller: Caller, id: string, draft: Draft) => Promise<Result<Webhook>>
  setEnabled: (caller: Caller, id: string, enabled: boolean) => Promise<Result<Webhook>>
  remove: (caller: Caller, id: string) => Promise<Result<undefined>>
}

const setEnabled = (row: IntegrationRow, enabled: boolean): IntegrationRow => ({ ...row, enabled, disabledReason: enabled ? null : row.disabledReason })

type Write = Record<'insert' | 'remove', (caller: Caller, row: IntegrationRow) => Promise<boolean>>

// Each with its entry of the audit trail, in one transaction; false when it cannot be.
const createWrite = (ports: Ports): Write => ({
  insert: (caller, row) => ports.store.transaction(async db => {
    if (await countIntegrations(db, row) >= WEBHOOKS_MAX) return false
    await insertIntegration(db, row)
    await insertAudit(db, toAudit(ports, { caller, id: row.id, action: 'webhook.created' }, toChanges(undefined, row)))
    return true
  }),
  remove: (caller, row) => ports.store.transaction(async db => {
    if (!await removeIntegration(db, row)) return false
    await insertAudit(db, toAudit(ports, { caller, id: row.id, action: 'webhook.deleted' }, toChanges(row, undefined)))
    return true
  })
})

const shown = (result: Result<IntegrationRow>): Result<Webhook> => result.ok ? done(toWebhook(result.value)) : result

export const createWebhooks = (ports: Ports): Webhooks => {
  const { store, checkUrl, vault, now, newId } = ports
  const project = createProject(ports)
  const change = createChange(ports, project)
  const write = createWrite(ports)
  const sealFor = (tenant: string, integrationId: string) => (field: string, plain: string): string => vault.seal(plain, { tenant, integrationId, field })

  const toNew = async ({ tenant }: Caller, draft: NewWebhook): Promise<Result<IntegrationRow>> => {
    const id = newId()
    const settings = await toSettings(draft, undefined, { checkUrl, seal: sealFor(tenant, id) })
    if (!settings.ok) return settings
    const at = now()
    const { name, events, enabled = true } = draft
    return done({ id, tenant, connector: CONNECTOR, name: toName(name), enabled, disabledReason: null, events, ...settings.value, revision: 1, createdAt: at, updatedAt: at })
  }

  return {
    list: async ({ tenant }, { limit, cursor }) => {
      const before = parseCursor(cursor, 'uuid')
      if (!before.ok) return before
      const rows = await listIntegrations(store.db, { tenant, connector: CONNECTOR, before: before.value, limit: limit + 1 })
      return done({ ...toPage(rows, limit, { toItem: toWebhook, toPosition: row => ({ at: row.createdAt, id: row.id }) }), events: AVAILABLE_EVENTS })
    },

    get: async ({ tenant }, id) => {
      const row = await findWebhook(store.db, tenant, id)
      return row === undefined ? notFound(id) : done(toWebhook(row))
    },

    create: async (caller, draft) => {
      const row = await toNew(caller, draft)
      if (!row.ok) return row
      if (!await write.insert(caller, row.value)) return refuse('TW_CONFLICT', `A tenant has at most ${WEBHOOKS_MAX} webhooks: delete one first.`)
      await project.put(row.value)
      return shown(row)
    },

    update: async (caller, id, draft) => shown(await change({ caller, id, action: 'webhook.updated' }, async row => {
      const settings = await toSettings(draft, row, { checkUrl, seal: sealFor(row.tenant, row.id) })
      if (!settings.ok) return settings
      const { name = row.name, events = row.events, enabled = row.enabled } = draft
      return done(setEnabled({ ...row, ...settings.value, name: toName(name), events }, enabled))
    })),

    setEnabled: async (caller, id, enabled) => shown(await change({ caller, id, action: enabled ? 'webhook.enabled' : 'webhook.disabled' },
      async row => done(setEnabled(row, enabled)))),

    remove: async (caller, id) => {
      const row = await findWebhook(store.db, caller.tenant, id)
      if (row === undefined || !await write.remove(caller, row)) return notFound(id)
      await project.remove(row)
      return done(undefined)
    }
  }
}

/** Disables what a worker or the scheduler found to be of no use, unless it was changed since; what is deleted needs nothing. */
export const createDisable = (ports: Ports): ((request: DisableRequest) => Promise<void>) => {
  const change = createChange(ports, createProject(ports))
  return async ({ tenant, integrationId, reason, revision }) => {
    const changed = await change({ caller: { tenant, actor: 'system' }, id: integrationId, action: 'webhook.disabled' }, async row =>
      done(row.revision > revision || !row.enabled ? row : { ...row, enabled: false, disabledReason: reason }))
    // A request that comes again after a crash tells again: the stream knows the message id.
    if (!changed.ok || changed.value.enabled || changed.value.disabledReason !== reason) return
    const { connector, name, updatedAt } = changed.value
    const update = { kind: 'integration.disabled', tenant, connector, integrationId, name, reason, detail: DISABLE_REASONS[reason], at: updatedAt.toISOString() } as const
    await ports.announce(update, `${integrationId}:${revision}:disabled`)
  }
}
