/** Where a page ended: the next one begins with what is older. `id` orders what has the same time. */
export type Position<Id = string> = { at: Date, id: Id }

/** A page of a list, newest first. */
export type PageRequest<Id = string> = { tenant: string, before?: Position<Id> | undefined, limit: number }

/** Times from `since` (inclusive) until `until` (exclusive). */
export type TimeRange = { since?: Date | undefined, until?: Date | undefined }

type TimeBounds = { gte?: Date, lt?: Date, lte?: Date }

/**
 * Bounds of the time column by themselves, so that partitions are pruned and the index is entered at the right place: the comparison
 * of pairs that follows cannot do that.
 */
export const toTimeBounds = ({ since, until }: TimeRange, before: { at: Date } | undefined): TimeBounds => ({
  ...(since === undefined ? {} : { gte: since }),
  ...(until === undefined ? {} : { lt: until }),
  ...(before === undefined ? {} : { lte: before.at })
})
