import t from 'tap'
import fc from 'fast-check'
import { TIERS } from '@tw/contracts'
import { decide } from './decide.ts'
import type { Outcome } from './outcome.ts'
import { parseRetryAfter } from './retry-after.ts'
import { RETRY_SCHEDULE, findTier, toTierMs } from './retry-schedule.ts'

const failed: Outcome = { kind: 'retryable', reason: 'The receiver answered 500' }
const nowMs = Date.parse('2026-01-01T00:00:00Z')

t.test('the specification\'s schedule: 30 s, 2 min, 10 min, then failed', async t => {
  const verdicts = [1, 2, 3, 4].map(attempt => decide(failed, { attempt, retryCount: 3, nowMs }))
  t.strictSame(verdicts, [{ kind: 'retry', tier: '30s' }, { kind: 'retry', tier: '2m' }, { kind: 'retry', tier: '10m' }, { kind: 'failed', disable: false }])
  t.strictSame(['30s', '2m', '10m'].map(tier => TIERS.filter(known => known === tier).map(toTierMs)), [[30_000], [120_000], [600_000]])
})

t.test('retries beyond three go on, nine at most; none when none are wanted', async t => {
  const kinds = (retryCount: number): string[] => Array.from({ length: 11 }, (_, index) => decide(failed, { attempt: index + 1, retryCount, nowMs }).kind)
  t.strictSame(kinds(9), [...Array.from({ length: 9 }, () => 'retry'), 'failed', 'failed'])
  t.equal(kinds(0)[0], 'failed')
  t.equal(RETRY_SCHEDULE.length, 9)
})

t.test('a delivered one is done and a far end that is gone disables', async t => {
  t.strictSame(decide({ kind: 'delivered' }, { attempt: 1, retryCount: 3, nowMs }), { kind: 'delivered' })
  t.strictSame(decide({ kind: 'gone', reason: '410' }, { attempt: 1, retryCount: 3, nowMs }), { kind: 'failed', disable: true })
})

t.test('Retry-After lengthens the wait and never shortens it', async t => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.integer({ min: -100_000, max: 200_000_000 }), async (attempt, waitMs) => {
    const plain = decide(failed, { attempt, retryCount: 9, nowMs })
    const asked = decide({ ...failed, notBeforeMs: nowMs + waitMs }, { attempt, retryCount: 9, nowMs })
    if (plain.kind !== 'retry' || asked.kind !== 'retry') throw new Error('Both retry')
    if (toTierMs(asked.tier) < toTierMs(plain.tier)) throw new Error(`${waitMs} ms shortened ${plain.tier} to ${asked.tier}`)
    if (toTierMs(asked.tier) < Math.min(waitMs, toTierMs('24h'))) throw new Error(`${asked.tier} is earlier than ${waitMs} ms`)
  }))
  t.strictSame(decide({ ...failed, notBeforeMs: nowMs + 45_000 }, { attempt: 1, retryCount: 3, nowMs }), { kind: 'retry', tier: '1m' })
})

t.test('the smallest tier that is not shorter', async t => {
  t.strictSame([0, 5_000, 5_001, 600_000, 600_001, 9e12].map(findTier), ['5s', '5s', '30s', '10m', '30m', '24h'])
  t.ok(TIERS.every((tier, index) => index === 0 || toTierMs(tier) > toTierMs(TIERS[index - 1] ?? '24h')), 'tiers grow')
})

t.test('Retry-After: seconds, an HTTP date, or nothing', async t => {
  t.equal(parseRetryAfter('120', nowMs), nowMs + 120_000)
  t.equal(parseRetryAfter('Thu, 01 Jan 2026 00:02:00 GMT', nowMs), nowMs + 120_000)
  t.strictSame([undefined, '', 'soon', '-5', '1.5', '99999999999999999999'].map(value => parseRetryAfter(value, nowMs)), Array.from({ length: 6 }, () => undefined))
})
