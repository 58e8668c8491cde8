import { FormatRegistry } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import fc from 'fast-check'
import t from 'tap'
import './formats.ts'
import { Finding } from './event-data.ts'
import { Envelope, EventType } from './event.ts'

const CASES: Record<string, { good: string[], bad: string[] }> = {
  'date-time': {
    good: ['2026-03-02T08:14:27Z', '2026-03-02T08:14:27.123456789Z', '2026-03-02t08:14:27z', '2026-03-02T08:14:27+14:00', '2024-02-29T00:00:00Z', '2026-12-31T23:59:59-00:00'],
    bad: ['', '2026-03-02', '2026-03-02 08:14:27Z', '2026-03-02T08:14:27', '2026-02-29T00:00:00Z', '2026-02-30T00:00:00Z', '2026-04-31T00:00:00Z', '2026-13-01T00:00:00Z',
      '2026-03-02T24:00:00Z', '2026-03-02T08:60:00Z', '2026-03-02T08:14:27+25:00', '0000-01-01T00:00:00Z', '2026-03-02T08:14:27Z\n', '12026-03-02T08:14:27Z', 'now']
  },
  uri: {
    good: ['https://example.com', 'https://example.com:8443/a?b=c#d', 'urn:threatweaver:x', 'http://[2001:db8::1]/'],
    bad: ['', '/a', 'example.com', 'https://', 'https://exa mple.com', 'https://example.com/\n', 'https://example.com/"', 'https://münchen.example']
  },
  'uri-reference': {
    good: ['/threatweaver/scanner', 'scanner', 'https://example.com', '#x', 'urn:x'],
    bad: ['', 'a b', 'a\u0000', '<script>', 'ü', 'a\\b']
  },
  uuid: {
    good: ['5b0f2c4e-8a67-4a53-9d2b-6a1f0c7e3d10', '5B0F2C4E-8A67-4A53-9D2B-6A1F0C7E3D10'],
    bad: ['', '5b0f2c4e8a674a539d2b6a1f0c7e3d10', '5b0f2c4e-8a67-4a53-9d2b-6a1f0c7e3d1g', ' 5b0f2c4e-8a67-4a53-9d2b-6a1f0c7e3d10']
  }
}

for (const [format, { good, bad }] of Object.entries(CASES)) {
  t.test(`the format ${format} tells good from bad`, async t => {
    const check = FormatRegistry.Get(format)
    for (const value of good) t.equal(check?.(value), true, JSON.stringify(value))
    for (const value of bad) t.equal(check?.(value), false, JSON.stringify(value))
  })
}

t.test('every instant written as ISO 8601 is a date-time, and no other day than its own', async t => {
  const check = FormatRegistry.Get('date-time')
  const day = fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
  fc.assert(fc.property(day, date => check?.(date.toISOString()) === true))
  fc.assert(fc.property(fc.integer({ min: 1, max: 9999 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 31 }), (year, month, dayOfMonth) => {
    const text = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(dayOfMonth).padStart(2, '0')}`
    const exists = new Date(`${text}T00:00:00Z`).toISOString().startsWith(text)
    return check?.(`${text}T00:00:00Z`) === exists
  }))
  t.pass()
})

const FINDING = { id: 'f', title: 't', severity: 'high', status: 'open', asset: { id: 'a', name: 'n' } }

t.test('a word that is none of an enum is refused by TypeBox too, not only by JSON Schema', async t => {
  t.ok(Value.Check(EventType, 'finding.created'))
  t.notOk(Value.Check(EventType, 'finding.exploded'))
  t.notOk(Value.Check(EventType, 1))
  t.ok(Value.Check(Finding, FINDING))
  for (const change of [{ severity: 'Critical' }, { severity: null }, { status: 'closed' }, { previousStatus: '' }, { cvss: { version: '3', score: 1 } }]) {
    t.notOk(Value.Check(Finding, { ...FINDING, ...change }), JSON.stringify(change))
  }
})

t.test('a finding is bounded where others have to store or show it', async t => {
  t.ok(Value.Check(Finding, { ...FINDING, url: 'https://threatweaver.example.com/f', sequence: Number.MAX_SAFE_INTEGER, cves: ['CVE-2021-44228'], newerField: { a: 1 } }))
  const bad = [
    { id: '' }, { id: 'x'.repeat(257) }, { title: '' }, { title: 'x'.repeat(1_025) }, { asset: { id: 'a' } }, { asset: [] }, { sequence: -1 }, { sequence: 1.5 }, { sequence: 2 ** 53 },
    { cves: ['cve-2021-44228'] }, { cves: ['CVE-21-1'] }, { cves: Array.from({ length: 501 }, () => 'CVE-2021-44228') }, { url: 'javascript:alert(1)' }, { url: 'data:text/html,x' },
    { url: '/findings/1' }, { cvss: { version: '3.1', score: 10.1 } }, { cvss: { version: '3.1', score: Number.NaN } }, { evidence: 'x'.repeat(65_537) }, { firstSeenAt: 'yesterday' }
  ]
  for (const change of bad) t.notOk(Value.Check(Finding, { ...FINDING, ...change }), JSON.stringify(change).slice(0, 80))
})

t.test('attributes can stand in headers, logs and tables', async t => {
  const envelope = { specversion: '1.0', id: 'e', source: '/s', type: 'finding.created', data: FINDING }
  t.ok(Value.Check(Envelope, { ...envelope, datacontenttype: 'application/json; charset=utf-8', anyextension: true }))
  t.ok(Value.Check(Envelope, { ...envelope, datacontenttype: 'application/vnd.threatweaver+json' }))
  const bad = [
    { specversion: '0.3' }, { id: 'a b' }, { id: '' }, { id: 'é' }, { id: 'x'.repeat(129) }, { id: 'a\n' }, { source: '' }, { source: 'a b' }, { subject: 'a\u0000' }, { subject: 'a\u009f' },
    { datacontenttype: 'text/plain' }, { traceparent: '00-xyz' }, { tracestate: 'a\n' }, { time: '2026' }, { data: [] }, { data: null }
  ]
  for (const change of bad) t.notOk(Value.Check(Envelope, { ...envelope, ...change }), JSON.stringify(change).slice(0, 80))
})
