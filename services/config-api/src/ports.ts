import type { Delivery, Integration, IntegrationUpdate } from '@tw/contracts'
import type { Store } from '@tw/store'

/** What a sealed secret is bound to. */
export type Place = { tenant: string, integrationId: string, field: string }

export type Vault = {
  seal: (plain: string, place: Place) => string
  unseal: (sealed: string, place: Place) => { ok: true, plain: string } | { ok: false, reason: string }
}

/** The bucket the dispatcher and the workers watch. `put` and `remove` resolve when they have seen it. */
export type Projection = {
  put: (integration: Integration) => Promise<void>
  remove: (key: Pick<Integration, 'tenant' | 'connector' | 'id'>) => Promise<void>
  list: () => Promise<Integration[]>
}

/** Whether a URL may be delivered to; `url` is its normal form. */
export type CheckUrl = (url: string) => Promise<{ kind: 'allowed', url: string } | { kind: 'refused', code: string, detail: string }>

export type Log = { warn: (fields: object, message: string) => void, error: (fields: object, message: string) => void }

/** What the use cases need of the world. */
export type Ports = {
  store: Store
  projection: Projection
  /** Resolves when the stream has stored it; rejects when it has not. */
  sendDelivery: (delivery: Delivery) => Promise<void>
  /** Tells ThreatWeaver; resolves when the stream has stored it. The same message id is stored once. */
  announce: (update: IntegrationUpdate, messageId: string) => Promise<void>
  checkUrl: CheckUrl
  vault: Vault
  log: Log
  now: () => Date
  newId: () => string
}
