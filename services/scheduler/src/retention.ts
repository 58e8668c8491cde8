import { dropPartitions, ensurePartitions, type Store } from '@tw/store'
import type { Logger } from '@tw/runtime'

/** Days for which partitions stand ready: a scheduler may be away that long before rows go to the default one. */
const DAYS_AHEAD = 7

/** Makes the partitions of the next days and drops those older than `retentionDays`. Never deletes a row. */
export const keepRetention = async (store: Store, { retentionDays, logger }: { retentionDays: number, logger: Logger }): Promise<void> => {
  const made = await ensurePartitions(store, { daysAhead: DAYS_AHEAD })
  const dropped = await dropPartitions(store, { olderThanDays: retentionDays })
  if (made.length + dropped.length > 0) logger.info({ made, dropped }, 'Partitions')
}
