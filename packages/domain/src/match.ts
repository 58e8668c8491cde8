import type { EventType, Integration, Tenant } from '@tw/contracts'

/** Which integrations want an event: an index that the watched configuration keeps up to date. */
export type Routing = {
  put: (integration: Integration) => void
  remove: (integrationId: string) => void
  find: (tenant: Tenant, type: EventType) => Iterable<Integration>
}

// A tenant has no blank, so the key is unambiguous.
const toKey = (tenant: Tenant, type: EventType): string => `${tenant} ${type}`

/** An empty routing. Disabled integrations are in no entry, so they cost nothing when events come. */
export const createRouting = (): Routing => {
  const keysById = new Map<string, string[]>()
  const byKey = new Map<string, Map<string, Integration>>()

  const remove = (integrationId: string): void => {
    for (const key of keysById.get(integrationId) ?? []) {
      const entry = byKey.get(key)
      entry?.delete(integrationId)
      if (entry?.size === 0) byKey.delete(key)
    }
    keysById.delete(integrationId)
  }

  const put = (integration: Integration): void => {
    remove(integration.id)
    if (!integration.enabled) return
    const keys = integration.events.map(type => toKey(integration.tenant, type))
    for (const key of keys) byKey.set(key, (byKey.get(key) ?? new Map<string, Integration>()).set(integration.id, integration))
    keysById.set(integration.id, keys)
  }

  return { put, remove, find: (tenant, type) => byKey.get(toKey(tenant, type))?.values() ?? [] }
}
