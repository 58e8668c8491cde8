import type { Publish } from '@tw/bus'
import { subjects, type DisableRequest } from '@tw/contracts'
import { findFailingIntegrations, findIntegration, type Store } from '@tw/store'

const DAY_MS = 86_400_000

/** Asks config-api to disable every integration that only failed for `days` days (Standard Webhooks 1.0.0, "Operational considerations"). */
export const disableFailing = async ({ store, publish }: { store: Store, publish: Publish }, { days, nowMs }: { days: number, nowMs: number }): Promise<number> => {
  const failing = await findFailingIntegrations(store.db, { since: new Date(nowMs - days * DAY_MS) })
  let asked = 0
  for (const { tenant, integrationId } of failing) {
    const integration = await findIntegration(store.db, { tenant, id: integrationId })
    // Somebody changed or enabled it during these days: the failures are of what it was.
    if (integration === undefined || !integration.enabled || integration.updatedAt.getTime() > nowMs - days * DAY_MS) continue
    const { connector, revision } = integration
    const request: DisableRequest = { tenant, integrationId, reason: 'failing', revision, at: new Date(nowMs).toISOString() }
    await publish({ subject: subjects.disable(connector), data: JSON.stringify(request), messageId: `${integrationId}:${revision}:failing` })
    asked += 1
  }
  return asked
}
