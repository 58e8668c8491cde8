// Replays of a time range. Guarantees: every event of the range is published at least once, however often a scheduler dies in between; a
// page that is published again makes the same deliveries of the same round, which stream and log know by their ids; never faster than
// the replay's rate; a cancelled replay stops within one page; a slow replay holds up no other.
import { toPublication, type Publish } from '@tw/bus'
import { toDeliveryId, type ConnectorId, type Delivery, type Event } from '@tw/contracts'
import { advanceReplay, claimReplay, finishReplay, listEventsToReplay, type ReplayRow, type Store, type StoredEvent } from '@tw/store'

export type ReplayOptions = {
  store: Store
  publish: Publish
  /** Connector of an integration; undefined when it is gone. */
  findConnector: (replay: Pick<ReplayRow, 'tenant' | 'integrationId'>) => Promise<ConnectorId | undefined>
  isStopping: () => boolean
  /** Told when one could not go on; it is taken up again when its lease is over. */
  onTrouble: (error: unknown) => void
  now: () => number
}

export type Replays = {
  /** Begins with one replay nobody works on; false when there is none, or enough are under way. */
  begin: () => Promise<boolean>
  /** Resolves when those under way have ended, or stopped where another scheduler can go on. */
  ended: () => Promise<void>
}

const AT_ONCE_MAX = 16

const LEASE_MS = 30_000
const PAGE_MAX = 200
/** Pages a second: the finer, the smoother the rate. */
const PAGES_PER_SECOND = 5

type Cursor = { receivedAt: Date, source: string, id: string }

const toStep = ({ receivedAt, source, id }: Cursor): { cursorAt: Date, cursorKey: string } => ({ cursorAt: receivedAt, cursorKey: JSON.stringify([source, id]) })

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

/** Replays of all tenants, several at a time, each worked on by one scheduler only. */
export const createReplays = ({ store, publish, findConnector, isStopping, onTrouble, now }: ReplayOptions): Replays => {
  const underWay = new Set<Promise<void>>()

  const publishPage = async (replay: ReplayRow, connector: ConnectorId, events: StoredEvent[]): Promise<void> => {
    const deliveries = events.map(event => toDelivery(replay, connector, event))
    await Promise.all(deliveries.map(delivery => publish(toPublication(delivery))))
  }

  // A read that waited while rows moved to a new partition was planned without it and finds nothing: nothing is the end only twice.
  const readPage = async (replay: ReplayRow, after: Cursor | undefined, limit: number): Promise<StoredEvent[]> => {
    const page = { ...(after === undefined ? {} : { after }), limit }
    const events = await listEventsToReplay(store.db, replay, page)
    return events.length > 0 ? events : await listEventsToReplay(store.db, replay, page)
  }

  /** Publishes the next page; where it ended, or undefined when nothing is left or the replay is no longer ours. */
  const passPage = async (replay: ReplayRow, connector: ConnectorId, after: Cursor | undefined): Promise<Cursor | undefined> => {
    const startMs = now()
    const limit = Math.max(1, Math.min(PAGE_MAX, Math.ceil(replay.ratePerSecond / PAGES_PER_SECOND)))
    const events = await readPage(replay, after, limit)
    const last = events.at(-1)
    if (last === undefined) return undefined
    await publishPage(replay, connector, events)
    if (!await advanceReplay(store.db, replay.id, { ...toStep(last), published: events.length, leasedUntil: new Date(now() + LEASE_MS) })) return undefined
    await sleep(events.length * 1_000 / replay.ratePerSecond - (now() - startMs))
    return last
  }

  const pass = async (replay: ReplayRow): Promise<void> => {
    const connector = await findConnector(replay)
    if (connector === undefined) return await finishReplay(store.db, replay.id, { state: 'failed', error: 'The integration was deleted', now: new Date(now()) })
    let cursor = findCursor(replay)
    do cursor = await passPage(replay, connector, cursor)
    while (cursor !== undefined && !isStopping())
    if (cursor === undefined) await finishReplay(store.db, replay.id, { state: 'done', now: new Date(now()) })
    // Ours no longer: the next scheduler goes on at once.
    else await advanceReplay(store.db, replay.id, { ...toStep(cursor), published: 0, leasedUntil: new Date(now()) })
  }

  return {
    begin: async () => {
      if (isStopping() || underWay.size >= AT_ONCE_MAX) return false
      const replay = await claimReplay(store.db, { now: new Date(now()), leaseMs: LEASE_MS })
      if (replay === undefined) return false
      const passing = pass(replay).catch(onTrouble).finally(() => underWay.delete(passing))
      underWay.add(passing)
      return true
    },
    ended: async () => { await Promise.all(underWay) }
  }
}
