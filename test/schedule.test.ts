// The one test of the true schedule: everything else runs it in milliseconds. It waits the specification's 30 s, and no longer.
import t from 'tap'
import { openFarEnd } from '@tw/testkit'
import { openStack } from './stack.ts'

t.setTimeout(110_000)
const stack = await openStack({ LOG_LEVEL: 'warn' })
t.teardown(stack.close)

t.test('a failed delivery is attempted again 30 s after its failure', async t => {
  const cameMs: number[] = []
  const farEnd = await openFarEnd({ answer: (_, index) => { cameMs.push(Date.now()); return { status: index === 0 ? 503 : 200 } } })
  t.teardown(farEnd.close)
  await stack.addWebhook(farEnd.url)
  const event = await stack.emit()
  const failed = await stack.untilStatus(event.id, 'retrying')
  t.equal(failed.attempts, 1)
  const delivered = await stack.untilStatus(event.id, 'delivered', { withinMs: 45_000 })
  const [first = 0, second = 0] = cameMs
  t.equal(delivered.attempts, 2)
  t.equal(delivered.statusCode, 200)
  t.ok(second - first >= 30_000, `not before 30 s (${second - first} ms)`)
  t.ok(second - first < 35_000, `and not long after (${second - first} ms)`)
  t.ok(Math.abs(Date.parse(failed.nextAttemptAt ?? '') - second) < 5_000, 'when the log said')
})
