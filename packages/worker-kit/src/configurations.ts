import { Value } from '@sinclair/typebox/value'
import type { Connector } from '@tw/connector-kit'
import type { Delivery, Integration } from '@tw/contracts'
import type { Keyring } from '@tw/vault'

/** An integration ready to deliver, or why it is not. */
export type Configured<Config> =
  | { kind: 'ready', integration: Integration, config: Config }
  | { kind: 'broken', integration: Integration, reason: string }
  | { kind: 'missing' }

export type Configurations<Config> = {
  put: (integration: Integration) => void
  remove: (integrationId: string) => void
  find: (delivery: Pick<Delivery, 'tenant' | 'connector' | 'integrationId'>) => Promise<Configured<Config>>
  size: () => number
}

type Fetch = (key: { connector: Delivery['connector'], tenant: string, id: string }) => Promise<Integration | undefined>

export type ConfigurationsOptions<Config> = { connector: Connector<Config>, keyring: Keyring, fetch: Fetch }

// `headers.authorization` is the value of one header; any other field is a setting of its own.
const place = (config: Record<string, unknown>, field: string, value: string): void => {
  const [name = field, key] = field.split(/\.(.*)/s)
  if (key === undefined) config[name] = value
  else config[name] = { ...(typeof config[name] === 'object' ? config[name] : {}), [key]: value }
}

/** The watched configuration of one connector with its secrets unsealed in memory, each revision once. */
export const createConfigurations = <Config>({ connector, keyring, fetch }: ConfigurationsOptions<Config>): Configurations<Config> => {
  const known = new Map<string, Integration>()
  const ready = new Map<string, Configured<Config>>()

  const unsealAll = (integration: Integration): Configured<Config> => {
    const config: Record<string, unknown> = { ...integration.config }
    for (const [field, sealed] of Object.entries(integration.sealed)) {
      const opened = keyring.unseal(sealed, { tenant: integration.tenant, integrationId: integration.id, field })
      if (!opened.ok) return { kind: 'broken', integration, reason: `The sealed ${field} cannot be opened (${opened.reason}): check VAULT_KEYS of the workers` }
      place(config, field, opened.plain)
    }
    if (!Value.Check(connector.config, config)) return { kind: 'broken', integration, reason: 'The configuration does not fit this version: save the integration again' }
    return { kind: 'ready', integration, config: config as Config }
  }

  const put = (integration: Integration): void => {
    known.set(integration.id, integration)
    ready.delete(integration.id)
  }

  const open = (integration: Integration): Configured<Config> => {
    const configured = ready.get(integration.id) ?? unsealAll(integration)
    ready.set(integration.id, configured)
    return configured
  }

  return {
    put,
    remove: integrationId => { known.delete(integrationId); ready.delete(integrationId) },
    size: () => known.size,
    find: async delivery => {
      const held = known.get(delivery.integrationId)
      if (held !== undefined) return held.tenant === delivery.tenant ? open(held) : { kind: 'missing' }
      // The watch may be behind the delivery: the bucket itself decides whether the integration is gone.
      const fetched = await fetch({ connector: delivery.connector, tenant: delivery.tenant, id: delivery.integrationId })
      if (fetched === undefined) return { kind: 'missing' }
      put(fetched)
      return open(fetched)
    }
  }
}
