// Replays of a time range. Guarantees: every event of the range is published at least once, however often a scheduler dies in between; a
// page that is published again makes the same deliveries of the same round, which stream and log know by their ids; never faster than
// the replay's rate; a cancelled replay stops within one page.
import { toPublication, type Publish } from '@tw/bus'
import { toDeliveryId, type ConnectorId, type Delivery, type Event } from '@tw/contracts'
import { advanceReplay, claimReplay, finishReplay, listEventsToReplay, type ReplayRow, type Store, type StoredEvent } from '@tw/store'

export type ReplayOptions = {
  store: Store
  publish: Publish
  /** Connector of an integration; undefined when it is gone. */
  findConnector: (replay: Pick<ReplayRow, 'tenant' | 'integrationId'>) => Promise<ConnectorId | undefined>
  isStopping: () => boolean
  now: () => number
}

const LEASE_MS = 30_000
const PAGE_MAX = 200
/** Pages a second: the finer, the smoother the rate. */
const PAGES_PER_SECOND = 5

type Cursor = { receivedAt: Date, source: string, id: string }

const toKey = ({ source, id }: Pick<StoredEvent, 'source' | 'id'>): string => JSON.stringify([source, id])

const findCursor = ({ cursorAt, cursorKey }: ReplayRow): Cursor | undefined => {
  if (cursorAt === null || cursorKey === null) return undefined
  const [source, id]: string[] = JSON.parse(cursorKey)
  return source === undefined || id === undefined ? undefined : { receivedAt: cursorAt, source, id }
}

const toDelivery = (replay: ReplayRow, connector: ConnectorId, { body, receivedAt }: StoredEvent): Delivery => {
  const event: Event = JSON.parse(body)
  return {
    id: toDeliveryId(event, replay.integrationId),
    tenant: replay.tenant,
    connector,
    integrationId: replay.integrationId,
    event,
    createdAt: receivedAt.toISOString(),
    trigger: 'replay',
    round: Number(replay.round),
    attempt: 1,
    holds: 0
  }
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, Math.max(0, ms)))

/** Works on one replay nobody else works on; false when there is none. */
export const createReplay = ({ store, publish, findConnector, isStopping, now }: ReplayOptions): (() => Promise<boolean>) => {
  const publishPage = async (replay: ReplayRow, connector: ConnectorId, events: StoredEvent[]): Promise<void> => {
    const deliveries = events.map(event => toDelivery(replay, connector, event))
    await Promise.all(deliveries.map(delivery => publish(toPublication(delivery))))
  }

  /** Publishes the next page; where it ended, or undefined when nothing is left or the replay is no longer ours. */
  const passPage = async (replay: ReplayRow, connector: ConnectorId, after: Cursor | undefined): Promise<Cursor | undefined> => {
    const startMs = now()
    const limit = Math.max(1, Math.min(PAGE_MAX, Math.ceil(replay.ratePerSecond / PAGES_PER_SECOND)))
    const events = await listEventsToReplay(store.db, replay, { ...(after === undefined ? {} : { after }), limit })
    const last = events.at(-1)
    if (last === undefined) return undefined
    await publishPage(replay, connector, events)
    const step = { published: events.length, cursorAt: last.receivedAt, cursorKey: toKey(last), leasedUntil: new Date(now() + LEASE_MS) }
    if (!await advanceReplay(store.db, replay.id, step)) return undefined
    await sleep(events.length * 1_000 / replay.ratePerSecond - (now() - startMs))
    return last
  }

  return async () => {
    const replay = await claimReplay(store.db, { now: new Date(now()), leaseMs: LEASE_MS })
    if (replay === undefined) return false
    const connector = await findConnector(replay)
    if (connector === undefined) {
      await finishReplay(store.db, replay.id, { state: 'failed', error: 'The integration was deleted', now: new Date(now()) })
      return true
    }
    let cursor = findCursor(replay)
    do cursor = await passPage(replay, connector, cursor)
    while (cursor !== undefined && !isStopping())
    if (cursor === undefined) await finishReplay(store.db, replay.id, { state: 'done', now: new Date(now()) })
    return true
  }
}
