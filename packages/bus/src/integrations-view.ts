import type { KV, KvEntry } from 'nats'
import { Value } from '@sinclair/typebox/value'
import { Integration, type ConnectorId, type Tenant } from '@tw/contracts'
import type { Bus } from './connect.ts'
import type { OnTrouble } from './consume.ts'

const BUCKET = 'integrations'
const STREAM = `KV_${BUCKET}`

type Key = { connector: ConnectorId, tenant: Tenant, id: string }

const toKey = ({ connector, tenant, id }: Key): string => `${connector}.${tenant}.${id}`

const findIdOfKey = (key: string): string | undefined => key.split('.')[2]

const parseEntry = (entry: KvEntry): Integration | undefined => {
  if (entry.operation !== 'PUT') return undefined
  const value: unknown = JSON.parse(entry.string())
  return Value.Check(Integration, value) ? value as Integration : undefined
}

const openBucket = (bus: Pick<Bus, 'js'>, replicas: number): Promise<KV> => bus.js.views.kv(BUCKET, { history: 1, replicas })

/** What a watcher does with each change; `remove` gets the id of an integration that is deleted. */
export type OnChange = { put: (integration: Integration) => void, remove: (integrationId: string) => void }

export type WatchOptions = { replicas: number, connector?: ConnectorId, onChange: OnChange, onTrouble: OnTrouble }

/** The watched configuration of one connector, or of all. */
export type IntegrationsView = {
  /** Asks the bucket itself: for an integration the watch has not brought yet. */
  fetch: (key: Key) => Promise<Integration | undefined>
  close: () => void
}

/** Watches the bucket; resolves when every integration in it has been handed to `onChange` once. */
export const openIntegrationsView = async (bus: Pick<Bus, 'js'>, { replicas, connector, onChange, onTrouble }: WatchOptions): Promise<IntegrationsView> => {
  const bucket = await openBucket(bus, replicas)
  const apply = (entry: KvEntry): void => {
    const integration = parseEntry(entry)
    const id = findIdOfKey(entry.key)
    if (integration !== undefined) onChange.put(integration)
    else if (id !== undefined) onChange.remove(id)
  }
  const loaded = Promise.withResolvers<void>()
  const watch = await bucket.watch({ key: connector === undefined ? '>' : `${connector}.>`, initializedFn: () => loaded.resolve() })
  void (async () => {
    for await (const entry of watch) {
      try { apply(entry) } catch (error) { onTrouble(error, `The entry ${entry.key} of bucket ${BUCKET} cannot be read`) }
    }
  })()
  await loaded.promise
  return {
    fetch: async key => {
      const entry = await bucket.get(toKey(key))
      return entry === null ? undefined : parseEntry(entry)
    },
    close: () => watch.stop()
  }
}

/** Writes the projection of the configuration; only config-api does. */
export type Projection = {
  /** Puts it, unless the bucket holds a newer revision; resolves when every watcher has been sent it. */
  put: (integration: Integration) => Promise<void>
  remove: (key: Key) => Promise<void>
  /** What the bucket holds now. */
  list: () => Promise<Integration[]>
}

const SEEN_WITHIN_MS = 2_000

/** Opens the bucket for writing, making it if it is missing. */
export const openProjection = async (bus: Pick<Bus, 'js' | 'jsm'>, { replicas }: { replicas: number }): Promise<Projection> => {
  const bucket = await openBucket(bus, replicas)

  // A watcher is a consumer of the bucket's stream. Once nothing is pending for it, an event published from now on reaches the same
  // process after the change: its connection keeps the order.
  const untilSeen = async (): Promise<void> => {
    const deadlineMs = Date.now() + SEEN_WITHIN_MS
    while (Date.now() < deadlineMs) {
      const watchers = await bus.jsm.consumers.list(STREAM).next()
      if (watchers.every(watcher => watcher.push_bound !== true || watcher.num_pending === 0)) return
      await new Promise(resolve => setTimeout(resolve, 2))
    }
  }

  /** False when another writer came between: look again who is newer. */
  const putOnce = async (integration: Integration): Promise<boolean> => {
    const key = toKey(integration)
    const held = await bucket.get(key)
    const value = held === null ? undefined : parseEntry(held)
    if (value !== undefined && value.revision >= integration.revision) return true
    try {
      await bucket.put(key, JSON.stringify(integration), { previousSeq: held?.revision ?? 0 })
      return true
    } catch (error) {
      if (/wrong last sequence/i.test(String(error))) return false
      throw error
    }
  }

  const put = async (integration: Integration): Promise<void> => {
    for (let tries = 0; tries < 10; tries += 1) {
      if (await putOnce(integration)) return await untilSeen()
    }
    throw new Error(`The projection of integration ${integration.id} keeps changing under us`)
  }

  const list = async (): Promise<Integration[]> => {
    const held: Integration[] = []
    for await (const key of await bucket.keys()) {
      const entry = await bucket.get(key)
      const integration = entry === null ? undefined : parseEntry(entry)
      if (integration !== undefined) held.push(integration)
    }
    return held
  }

  return { put, list, remove: async key => { await bucket.delete(toKey(key)); await untilSeen() } }
}
