import { findIntegration, listIntegrationsAfter, toProjected, type IntegrationRow } from '@tw/store'
import type { Ports } from './ports.ts'

const PAGE = 500

/** How many entries of the bucket were put right. */
export type Reconciled = { put: number, removed: number }

/**
 * Makes the bucket say what Postgres says, for all tenants: a projection that a crash or an outage cut off is made now. The bucket is
 * read first, so an integration created meanwhile is never taken for one that was deleted.
 */
export const createReconcile = ({ store, projection }: Pick<Ports, 'store' | 'projection'>): (() => Promise<Reconciled>) => {
  const readRows = async (): Promise<Map<string, IntegrationRow>> => {
    const rows = new Map<string, IntegrationRow>()
    for (let page = await listIntegrationsAfter(store.db, { limit: PAGE }); page.length > 0; page = await listIntegrationsAfter(store.db, { afterId: [...rows.keys()].at(-1), limit: PAGE })) {
      for (const row of page) rows.set(row.id, row)
    }
    return rows
  }

  return async () => {
    const held = new Map((await projection.list()).map(integration => [integration.id, integration]))
    const rows = await readRows()
    const behind = [...rows.values()].filter(row => (held.get(row.id)?.revision ?? 0) < row.revision)
    const gone = [...held.values()].filter(({ id }) => !rows.has(id))
    for (const row of behind) {
      const present = await findIntegration(store.db, row)
      if (present !== undefined) await projection.put(toProjected(present))
    }
    for (const integration of gone) await projection.remove(integration)
    return { put: behind.length, removed: gone.length }
  }
}
