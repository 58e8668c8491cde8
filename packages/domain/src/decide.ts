// Outcome x attempt -> Verdict. Guarantees: a delivered one is never attempted again; a failed one is attempted exactly
// 1 + retryCount times in a round; a far end's own wait lengthens ours and never shortens it; holds and crashes use up nothing.
import type { Tier } from '@tw/contracts'
import type { Outcome, Verdict } from './outcome.ts'
import { RETRY_SCHEDULE, findTier, toTierMs } from './retry-schedule.ts'

/** Where in its round a delivery stands. `attempt` counts from 1. */
export type Round = { attempt: number, retryCount: number, nowMs: number }

const longer = (ours: Tier, theirs: Tier): Tier => toTierMs(theirs) > toTierMs(ours) ? theirs : ours

/** What becomes of a delivery after the attempt `round.attempt` ended in `outcome`. */
export const decide = (outcome: Outcome, round: Round): Verdict => {
  if (outcome.kind === 'delivered') return { kind: 'delivered' }
  if (outcome.kind === 'gone') return { kind: 'failed', disable: true }
  const ours = RETRY_SCHEDULE[round.attempt - 1]
  if (ours === undefined || round.attempt > round.retryCount) return { kind: 'failed', disable: false }
  // A vendor's Retry-After may lengthen our wait but never shorten it.
  const theirs = findTier((outcome.notBeforeMs ?? 0) - round.nowMs)
  return { kind: 'retry', tier: longer(ours, theirs) }
}
