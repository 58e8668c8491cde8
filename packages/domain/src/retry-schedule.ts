import { TIERS, type Tier } from '@tw/contracts'

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const
const isUnit = (value: string): value is keyof typeof UNIT_MS => Object.hasOwn(UNIT_MS, value)

const parseTier = (tier: Tier): number => {
  const unit = tier.slice(-1)
  if (!isUnit(unit)) throw new Error(`Tier ${tier} has no unit of ${Object.keys(UNIT_MS).join(', ')}`)
  return Number.parseInt(tier, 10) * UNIT_MS[unit]
}

const TIER_MS = new Map(TIERS.map(tier => [tier, parseTier(tier)]))

/** How long a delivery waits in a tier, in ms. */
export const toTierMs = (tier: Tier): number => TIER_MS.get(tier) ?? 0

/** The smallest tier that is not shorter than `waitMs`; the longest one for anything beyond it. */
export const findTier = (waitMs: number): Tier => TIERS.find(tier => toTierMs(tier) >= waitMs) ?? '24h'

/** Specification, "Retry Logic": 30 s, 2 min, 10 min. A `retryCount` above three goes on with the rest. */
export const RETRY_SCHEDULE = ['30s', '2m', '10m', '30m', '1h', '3h', '6h', '12h', '24h'] as const satisfies readonly Tier[]
