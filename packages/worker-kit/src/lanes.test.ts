import t from 'tap'
import fc from 'fast-check'
import { createLanes } from './lanes.ts'
import type { Admission } from './lane.ts'

type Clock = { nowMs: number }
const open = (options: { inFlightMax?: number, waitingMax?: number, waitMsMax?: number } = {}): { clock: Clock, lanes: ReturnType<typeof createLanes> } => {
  const clock: Clock = { nowMs: 0 }
  return { clock, lanes: createLanes({ inFlightMax: 32, waitingMax: 128, waitMsMax: 1_000, now: () => clock.nowMs, ...options }) }
}

const settled = async (promises: Promise<Admission>[]): Promise<Admission[]> => {
  const done: Admission[] = []
  for (const promise of promises) void promise.then(admission => done.push(admission))
  await new Promise(resolve => setImmediate(resolve))
  return done
}
const leave = (admission: Admission | undefined, healthy: boolean): void => { if (admission?.kind === 'go') admission.leave(healthy) }
const kinds = (admissions: Admission[]): Record<string, number> => ({
  go: admissions.filter(({ kind }) => kind === 'go').length,
  hold: admissions.filter(({ kind }) => kind === 'hold').length
})

t.test('a far end that never answers fills its own lane only, then its deliveries are held', async t => {
  const { clock, lanes } = open()
  const first = Array.from({ length: 40 }, () => lanes.enter('dead', false))
  t.strictSame(kinds(await settled(first)), { go: 10, hold: 0 }, 'ten go, the others wait for an answer')
  clock.nowMs = 1_001
  lanes.sweep()
  t.strictSame(kinds(await settled(first)), { go: 10, hold: 30 }, 'who waited a second is held')
  t.strictSame(kinds(await settled(Array.from({ length: 30 }, () => lanes.enter('dead', false)))), { go: 0, hold: 20 }, 'of those who come now ten may wait')
  t.strictSame(kinds(await settled(Array.from({ length: 10 }, () => lanes.enter('well', false)))), { go: 10, hold: 0 }, 'another lane knows nothing of it')
})

t.test('a far end that stalls holds back no more than its share, long before it counts as slow', async t => {
  const { clock, lanes } = open({ waitingMax: 50 })
  await settled(Array.from({ length: 60 }, () => lanes.enter('dead', false)))
  clock.nowMs = 300
  t.strictSame(kinds(await settled([lanes.enter('dead', false)])), { go: 0, hold: 1 })
})

t.test('a far end that keeps up holds nothing, however many come: they wait, and hold back the stream', async t => {
  const { clock, lanes } = open({ waitingMax: 50 })
  const all = Array.from({ length: 2_000 }, () => lanes.enter('busy', false))
  const inside: Admission[] = []
  for (const entering of all) void entering.then(admission => { inside.push(admission) })
  for (let passed = 0; passed < all.length; passed += 1) {
    await new Promise(resolve => setImmediate(resolve))
    clock.nowMs += 0.2
    lanes.sweep()
    leave(inside.shift(), true)
  }
  t.equal(inside.filter(({ kind }) => kind === 'hold').length, 0)
  t.equal(lanes.figures().waiting, 0)
})

t.test('a slow lane flows again when nothing waits', async t => {
  const { clock, lanes } = open({ inFlightMax: 1 })
  const [first] = await settled([lanes.enter('one', false)])
  const second = lanes.enter('one', false)
  clock.nowMs = 1_001
  lanes.sweep()
  t.equal((await second).kind, 'hold')
  const [third, fourth] = [lanes.enter('one', false), lanes.enter('one', false)]
  t.strictSame(kinds(await settled([fourth])), { go: 0, hold: 1 }, 'one waits, the next is held')
  leave(first, true)
  leave(await third, true)
  const after = Array.from({ length: 20 }, () => lanes.enter('one', false))
  t.strictSame(kinds(await settled(after)), { go: 1, hold: 0 })
})

t.test('a hold fits the backlog: the more are held the longer', async t => {
  const { clock, lanes } = open()
  await settled(Array.from({ length: 30 }, () => lanes.enter('dead', false)))
  clock.nowMs = 15_000
  lanes.sweep()
  await settled(Array.from({ length: 10 }, () => lanes.enter('dead', false)))
  const waits: number[] = []
  for (let index = 0; index < 50; index += 1) {
    const admission = await lanes.enter('dead', false)
    if (admission.kind === 'hold') waits.push(admission.waitMs)
  }
  t.equal(waits.length, 50)
  t.ok(waits.every((wait, index) => index === 0 || wait > (waits[index - 1] ?? 0)), 'each is held longer than the one before')
  const returning = await lanes.enter('dead', true)
  t.ok(returning.kind === 'hold' && returning.waitMs <= (waits.at(-1) ?? 0), 'one that comes back does not lengthen it')
})

t.test('a fast far end gets up to its maximum, a failing one less and less, and it recovers', async t => {
  const { lanes, clock } = open()
  const pass = async (healthy: boolean, times: number): Promise<void> => {
    for (let index = 0; index < times; index += 1) {
      const admission = await lanes.enter('one', false)
      clock.nowMs += 1
      leave(admission, healthy)
    }
  }
  const room = async (): Promise<number> => {
    const all = Array.from({ length: 64 }, () => lanes.enter('one', false))
    const went = (await settled(all)).filter(({ kind }) => kind === 'go')
    lanes.sweep()
    return went.length
  }
  await lanes.enter('one', false)
  await pass(true, 40)
  t.equal(await room(), 31, 'one is still in flight of 32')
  const failing = open()
  await failing.lanes.enter('one', false)
  for (let index = 0; index < 10; index += 1) leave(await failing.lanes.enter('one', false), false)
  const went = (await settled(Array.from({ length: 64 }, () => failing.lanes.enter('one', false)))).filter(({ kind }) => kind === 'go')
  t.equal(went.length, 1, 'two at once, one of them still in flight')
})

t.test('whatever comes and goes: nobody waits for ever, no lane is over its cap, and every place is given back', async () => {
  const step = fc.record({ lane: fc.constantFrom('a', 'b', 'c'), healthy: fc.boolean(), passMs: fc.integer({ min: 0, max: 400 }), leaves: fc.boolean() })
  const enterAll = async (steps: Array<{ lane: string, healthy: boolean, passMs: number, leaves: boolean }>): Promise<{ answered: number, waiting: number, most: number }> => {
    const { clock, lanes } = open({ inFlightMax: 6, waitMsMax: 500 })
    const inside: Array<{ lane: string, admission: Admission }> = []
    const figures = { answered: 0, waiting: 0, most: 0 }
    for (const { lane, healthy, passMs, leaves } of steps) {
      void lanes.enter(lane, false).then(admission => {
        figures.answered += 1
        if (admission.kind === 'go') inside.push({ lane, admission })
      })
      await new Promise(resolve => setImmediate(resolve))
      figures.most = Math.max(figures.most, inside.filter(({ lane: own }) => own === lane).length)
      clock.nowMs += passMs
      if (leaves) leave(inside.shift()?.admission, healthy)
    }
    clock.nowMs += 501
    lanes.sweep()
    await new Promise(resolve => setImmediate(resolve))
    while (inside.length > 0) leave(inside.shift()?.admission, true)
    return { ...figures, waiting: lanes.figures().waiting }
  }
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 200 }), async steps => {
    const { answered, waiting, most } = await enterAll(steps)
    if (most > 6) throw new Error(`${most} in one lane`)
    if (answered !== steps.length) throw new Error(`${steps.length - answered} wait for ever`)
    if (waiting !== 0) throw new Error('Somebody waits in an empty lane')
  }), { numRuns: 200 })
})
