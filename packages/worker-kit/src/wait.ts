import type { Publish } from '@tw/bus'
import { subjects, type ConnectorId, type Delivery, type Tier } from '@tw/contracts'
import { findTier, toTierMs } from '@tw/domain'

export type WaitOptions = {
  connector: ConnectorId
  publish: Publish
  now: () => number
  /** Multiplies every tier's delay. */
  delayScale: number
}

// The more often a delivery was held the longer it may be: one stumble of a far end costs five seconds, and a long outage does not turn
// the same deliveries over and over. Beyond ten minutes a far end that came back would wait for us.
const HOLD_MS_MAX = (['5s', '30s', '1m', '2m', '5m', '10m'] as const).map(toTierMs)

const toHoldTier = (waitMs: number, holds: number): Tier => findTier(Math.min(waitMs, HOLD_MS_MAX[holds] ?? 600_000))

/** Puts deliveries into tiers: resolves, with the time they are due, when the stream has them. */
export type Wait = {
  /** For its next attempt. */
  forRetry: (delivery: Delivery, tier: Tier) => Promise<string>
  /** For a place in its lane: uses up no attempt. */
  forLane: (delivery: Delivery, waitMs: number) => Promise<string>
}

export const createWait = ({ connector, publish, now, delayScale }: WaitOptions): Wait => {
  const put = async (delivery: Delivery, tier: Tier): Promise<string> => {
    const notBefore = new Date(now() + toTierMs(tier) * delayScale).toISOString()
    const messageId = `${delivery.id}:${delivery.round}:${delivery.attempt}:${delivery.holds}`
    await publish({ subject: subjects.retry(tier, connector), data: JSON.stringify({ ...delivery, notBefore }), messageId })
    return notBefore
  }
  return {
    forRetry: (delivery, tier) => put({ ...delivery, attempt: delivery.attempt + 1, holds: 0 }, tier),
    forLane: (delivery, waitMs) => put({ ...delivery, holds: delivery.holds + 1 }, toHoldTier(waitMs, delivery.holds))
  }
}
