import t from 'tap'
import { Value } from '@sinclair/typebox/value'
import { EVENT_DATA, EVENT_TYPES, Envelope } from '@tw/contracts'
import { SAMPLE_SOURCE, toSampleEvent } from './sample-event.ts'

t.test('each event type has a valid sample that says it is a test', async t => {
  for (const type of EVENT_TYPES) {
    const event = toSampleEvent(type, { id: 'test-1', at: new Date('2026-01-02T03:04:05Z') })
    t.strictSame([...Value.Errors(Envelope, event)], [], type)
    t.strictSame([...Value.Errors(EVENT_DATA[type], event.data)], [], type)
    t.match(event, { type, source: SAMPLE_SOURCE, time: '2026-01-02T03:04:05.000Z', data: { test: true } })
  }
})
