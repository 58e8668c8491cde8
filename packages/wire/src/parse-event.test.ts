import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { EVENT_BYTES_MAX, EVENT_TYPES, REJECTION_REASONS, type Event, type RejectionReason } from '@tw/contracts'
import { example } from '@tw/testkit'
import { encodeEvent, parseEvent, type ParsedEvent } from './index.ts'

const SUBJECT = 'tw.events.default.finding.created'
const good = example('finding.created')

const toBytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const parse = (body: unknown, subject = SUBJECT): ParsedEvent =>
  parseEvent({ subject, data: typeof body === 'string' ? toBytes(body) : toBytes(JSON.stringify(body)) })
const toHeader = (headers: Record<string, string>) => (name: string): string | undefined => headers[name]
const toReason = (parsed: ParsedEvent): string => parsed.ok ? 'ok' : parsed.rejection.reason
const toDetail = (parsed: ParsedEvent): string => parsed.ok ? 'ok' : parsed.rejection.detail

t.test('every golden example survives JSON, and is its tenant\'s', async t => {
  for (const type of EVENT_TYPES) {
    const event = example(type)
    const parsed = parseEvent({ subject: `tw.events.team_a-1.${type}`, data: encodeEvent(event, 'json'), contentType: 'application/cloudevents+json; charset=utf-8' })
    t.strictSame(parsed, { ok: true, tenant: 'team_a-1', event }, type)
  }
})

t.test('fields and attributes we do not know are passed on', async t => {
  const newer = { ...good, region: 'eu', urgent: true, data: { ...good.data, exploitability: { epss: 0.97, kev: ['2021-12-10'] } } }
  t.strictSame(parse(newer), { ok: true, tenant: 'default', event: newer })
})

t.test('JSON is taken under each of its content types, with none, and with a byte order mark', async t => {
  const data = encodeEvent(good, 'json')
  for (const contentType of [undefined, '', 'application/json', 'Application/JSON;charset=UTF-8', 'application/cloudevents+json']) {
    t.strictSame(parseEvent({ subject: SUBJECT, data, contentType }), { ok: true, tenant: 'default', event: good }, String(contentType))
  }
  t.strictSame(parse(`\uFEFF${JSON.stringify(good, null, 2)}\n`), { ok: true, tenant: 'default', event: good })
})

t.test('the content type comes from the header when the caller does not name it', async t => {
  const parsed = parseEvent({ subject: SUBJECT, data: encodeEvent(good, 'protobuf'), header: toHeader({ 'content-type': 'application/cloudevents+protobuf' }) })
  t.strictSame(parsed, { ok: true, tenant: 'default', event: good })
})

const without = (name: keyof Event): Partial<Event> => { const { [name]: _gone, ...rest } = good; return rest }
const withData = (change: Record<string, unknown>): Event => example('finding.created', { data: change })

// What came, why it is refused, and the words that tell its emitter what to mend.
const REFUSED: [what: string, body: unknown, reason: RejectionReason, detail: string | RegExp][] = [
  ['nothing', '', 'not_json', 'The body is empty: it must be a CloudEvent as JSON.'],
  ['blanks', ' \n\t', 'not_json', /empty/],
  ['half of it', JSON.stringify(good).slice(0, -1), 'not_json', /^The body is not JSON: /],
  ['two events', `${JSON.stringify(good)}\n${JSON.stringify(good)}`, 'not_json', /not JSON/],
  ['NaN', '{"data":NaN}', 'not_json', /not JSON/],
  ['a NUL', '\u0000', 'not_json', /not JSON/],
  ['null', null, 'not_cloudevent', 'The body must be a JSON object: one CloudEvent.'],
  ['a list', [good], 'not_cloudevent', /one CloudEvent/],
  ['text', JSON.stringify('hello'), 'not_cloudevent', /one CloudEvent/],
  ['the data alone', good.data, 'not_cloudevent', /^\/specversion is missing: it must be "1\.0"; \/source is missing: .*; \/type is missing/],
  ['an empty object', {}, 'not_cloudevent', /^[^;]*;[^;]*;[^;]*$/],
  ['no id', without('id'), 'not_cloudevent', /^\/id is missing/],
  ['another version', { ...good, specversion: '0.3' }, 'not_cloudevent', '/specversion must be "1.0", not "0.3".'],
  ['a blank in the id', { ...good, id: 'a b' }, 'not_cloudevent', /^\/id must be text of at most 128 characters that matches .*, not "a b"\.$/],
  ['a number as id', { ...good, id: 7 }, 'not_cloudevent', /^\/id must be text.*, not 7\.$/],
  ['no such day', { ...good, time: '2026-02-30T00:00:00Z' }, 'not_cloudevent', '/time must be a time like 2026-01-31T09:30:00Z, not "2026-02-30T00:00:00Z".'],
  ['data that is not JSON', { ...good, datacontenttype: 'text/xml' }, 'not_cloudevent', /^\/datacontenttype must be/],
  ['a type of nobody', { ...good, type: 'finding.exploded' }, 'unknown_type', /^\/type is "finding\.exploded", it must be one of finding\.created, /],
  ['a type from Object.prototype', { ...good, type: 'toString' }, 'unknown_type', /toString/],
  ['another type than the subject', { ...good, type: 'finding.resolved' }, 'subject_mismatch', 'The subject says finding.created, but /type is "finding.resolved": publish it to tw.events.(tenant).finding.resolved.'],
  ['no data', without('data'), 'bad_data', '/data is missing: it must be an object.'],
  ['data as text', { ...good, data: 'hello' }, 'bad_data', '/data must be an object, not "hello".'],
  ['a list as data', { ...good, data: [] }, 'bad_data', '/data must be an object, not a list.'],
  ['a severity of nobody', withData({ severity: 'Critical' }), 'bad_data', '/data/severity must be one of critical, high, medium, low, info, not "Critical".'],
  ['an asset without a name', withData({ asset: { id: 'a' } }), 'bad_data', '/data/asset/name is missing: it must be text of 1 to 1024 characters.'],
  ['a bad CVE', withData({ cves: ['CVE-2021-44228', 'log4shell'] }), 'bad_data', /^\/data\/cves\/1 must be text that matches \^CVE-.*, not "log4shell"\.$/],
  ['a score above 10', withData({ cvss: { version: '3.1', score: 11 } }), 'bad_data', '/data/cvss/score must be a number from 0 to 10, not 11.'],
  ['a sequence JSON cannot hold', withData({ sequence: 2 ** 60 }), 'bad_data', /^\/data\/sequence must be a whole number/],
  ['a script as page', withData({ url: 'javascript:alert(1)' }), 'bad_data', /^\/data\/url must be a URL/],
  ['a number beyond all', JSON.stringify(withData({ newer: 0 })).replace('"newer":0', '"newer":1e999'), 'bad_data', '/data/newer cannot be passed on: it is too large for a number.'],
  ['__proto__', JSON.stringify(withData({ newer: 0 })).replace('"newer":0', '"newer":{"__proto__":{"admin":true}}'), 'bad_data', '/data/newer/__proto__ cannot be passed on: the name __proto__ is not allowed.'],
  ['__proto__ as an attribute', JSON.stringify(good).replace('{', '{"__proto__":{"type":"scan.started"},'), 'not_cloudevent', /^\/__proto__ cannot be passed on/],
  ['half a character in a name', JSON.stringify(withData({ newer: 0 })).replace('"newer"', '"a\\ud83d"'), 'bad_data', /its name holds half of a character/],
  ['a hundred levels', withData({ newer: JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) }), 'bad_data', /lies deeper than 32 levels\.$/],
  ['100,000 levels', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'not_cloudevent', /lies deeper than 32 levels\.$/],
  ['100,000 levels and half a character', `["\\ud83d",${'['.repeat(100_000)}${']'.repeat(100_000)}]`, 'not_json', /nested too deep/]
]

for (const [what, body, reason, detail] of REFUSED) {
  t.test(`${what}: ${reason}`, async t => {
    const parsed = parse(body)
    t.equal(toReason(parsed), reason)
    t.match(toDetail(parsed), detail)
    t.equal(parsed.tenant, 'default')
  })
}

t.test('bytes that are not UTF-8 are not JSON', async t => {
  const bytes = encodeEvent(withData({ title: 'x?x' }), 'json')
  for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
    const at = bytes.indexOf(0x3f)
    const data = new Uint8Array([...bytes.slice(0, at), ...bad, ...bytes.slice(at + 1)])
    t.strictSame(parseEvent({ subject: SUBJECT, data }), { ok: false, tenant: 'default', rejection: { reason: 'not_json', detail: 'The body is not UTF-8 text, so it is not JSON.' } })
  }
})

t.test('text cut in the middle of a character is mended, so that everything after us can write it', async t => {
  const parsed = parse(JSON.stringify(withData({ title: 'Fire \ud83d', newer: ['\udd25', '\ud83d\udd25', 'C:\\ud83d'] })))
  t.strictSame(parsed.ok && [parsed.event.data['title'], parsed.event.data['newer']], ['Fire \ufffd', ['\ufffd', '\ud83d\udd25', 'C:\\ud83d']])
})

t.test('evidence may hold anything a scanner sees', async t => {
  const evidence = '\u0000\u001b[31m<script>alert(1)</script>\u202e{{7*7}}\r\n'
  const parsed = parse(withData({ evidence }))
  t.equal(parsed.ok && parsed.event.data['evidence'], evidence)
})

t.test('of two equal names the last counts', async t => {
  const parsed = parse(JSON.stringify(good).replace('{', '{"id":"first",'))
  t.equal(parsed.ok && parsed.event.id, good.id)
})

t.test('256 KiB are taken, one byte more is not', async t => {
  const bare = JSON.stringify(good)
  const fits = parse(bare + ' '.repeat(EVENT_BYTES_MAX - toBytes(bare).length))
  t.ok(fits.ok)
  t.strictSame(parse(bare + ' '.repeat(EVENT_BYTES_MAX - toBytes(bare).length + 1)),
    { ok: false, tenant: 'default', rejection: { reason: 'too_large', detail: `The event has ${EVENT_BYTES_MAX + 1} bytes, at most ${EVENT_BYTES_MAX} are taken.` } })
})

t.test('a bad subject says so, and whose it is where it can', async t => {
  t.strictSame(parse(good, 'tw.events.default.finding'), {
    ok: false,
    tenant: 'default',
    rejection: { reason: 'bad_subject', detail: 'The subject is "tw.events.default.finding", it must be tw.events.(tenant).(category).(name), e.g. tw.events.default.finding.created.' }
  })
  t.match(parse(good, 'tw.events.<b>.finding.created'), { ok: false, tenant: undefined, rejection: { reason: 'bad_subject', detail: /^The subject is "tw\.events\.\?b\?\./ } })
  t.equal(toReason(parse(good, 'tw.events.default.finding.created.now')), 'bad_subject')
})

t.test('what is said of an event is bounded, whatever is quoted', async t => {
  for (const parsed of [parse(good, `tw.events.${'x'.repeat(2_000)}`), parse({ ...good, type: '🔥'.repeat(2_000) })]) t.equal(toDetail(parsed).length, 500)
})

t.test('the smallest event of the emitters\' guide is one', async t => {
  const guide = readFileSync(fileURLToPath(import.meta.resolve('@tw/proto/README.md')), 'utf8')
  const [, subject = '', body = ''] = /nats req (tw\.events\.\S+) \\\n +'(\{.*\})'/.exec(guide) ?? []
  t.match(parse(body, subject), { ok: true, tenant: 'default', event: { source: '/my/scanner' } })
})

t.test('a content type of nobody is refused, batches too', async t => {
  for (const contentType of ['text/plain', 'application/cloudevents-batch+json', 'application/x-protobuf', 'application/avro']) {
    const parsed = parseEvent({ subject: SUBJECT, data: encodeEvent(good, 'json'), contentType })
    t.equal(toReason(parsed), 'bad_content_type', contentType)
    t.match(toDetail(parsed), `The content type is "${contentType}", it must be one of application/json, application/cloudevents+json, application/cloudevents+protobuf, or absent`)
  }
})

const CE = { 'ce-specversion': '1.0', 'ce-id': good.id, 'ce-source': good.source, 'ce-type': good.type, 'content-type': 'application/json' }

t.test('binary mode: attributes in headers, the data as body', async t => {
  const data = toBytes(JSON.stringify(good.data))
  const header = toHeader({ ...CE, 'ce-time': '2026-03-02T08:14:27.318Z', 'ce-subject': 'finding%2FTW-10482 %C3%A9', 'ce-tracestate': '100%' })
  t.strictSame(parseEvent({ subject: SUBJECT, data, header }), {
    ok: true,
    tenant: 'default',
    event: { specversion: '1.0', id: good.id, source: good.source, type: good.type, time: '2026-03-02T08:14:27.318Z', subject: 'finding/TW-10482 é', tracestate: '100%', data: good.data }
  })
  t.equal(toReason(parseEvent({ subject: SUBJECT, data, header: toHeader({ ...CE, 'ce-id': '' }) })), 'not_cloudevent')
  const { 'ce-specversion': _version, ...rest } = CE
  t.equal(toDetail(parseEvent({ subject: SUBJECT, data, header: toHeader(rest) })), '/specversion is missing: it must be "1.0".')
  t.equal(toReason(parseEvent({ subject: SUBJECT, data, header: toHeader({ ...CE, 'ce-type': 'scan.started' }) })), 'subject_mismatch')
  t.equal(toReason(parseEvent({ subject: SUBJECT, data: toBytes('{'), header: toHeader(CE) })), 'not_json')
  t.equal(toReason(parseEvent({ subject: SUBJECT, data: toBytes('{}'), header: toHeader(CE) })), 'bad_data')
  t.equal(toReason(parseEvent({ subject: SUBJECT, data, header: toHeader({ ...CE, 'content-type': 'text/xml' }) })), 'bad_content_type')
})

t.test('a whole event wins over headers that say the same: its content type names it', async t => {
  const header = toHeader({ ...CE, 'ce-id': 'other', 'content-type': 'application/cloudevents+json' })
  const parsed = parseEvent({ subject: SUBJECT, data: encodeEvent(good, 'json'), header })
  t.equal(parsed.ok && parsed.event.id, good.id)
})

t.test('a trace goes on: the attribute first, else the header, a bad header not at all', async t => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const data = toBytes(JSON.stringify(without('traceparent')))
  const trace = (body: Uint8Array, header: Record<string, string>): string | undefined => {
    const parsed = parseEvent({ subject: SUBJECT, data: body, header: toHeader(header) })
    return parsed.ok ? parsed.event.traceparent : 'refused'
  }
  t.equal(trace(data, { traceparent }), traceparent)
  t.equal(trace(encodeEvent(good, 'json'), { traceparent }), good.traceparent)
  t.equal(trace(data, { traceparent: 'hello' }), undefined)
})

t.test('whatever comes: no throw, an event or a rejection, its words bounded and harmless', async t => {
  const isSane = (parsed: ParsedEvent): boolean => parsed.ok
    ? JSON.stringify(parsed.event).length > 0 && parsed.event.type === 'finding.created'
    : parsed.rejection.reason in REJECTION_REASONS && /^[^<>\p{C}]{1,500}$/u.test(parsed.rejection.detail)
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', 'toJSON', '\u0000', '\ud800', '<img src=x onerror=alert(1)>', '‮', '1.0', 'finding.created'))
  const anything = fc.anything({ key: text, values: [text, fc.double(), fc.boolean(), fc.constant(null)], maxDepth: 6 })
  const names = fc.constantFrom(...Object.keys(good), '__proto__', 'data_base64')
  const changed = fc.dictionary(names, anything, { maxKeys: 3 }).map(change => ({ ...good, ...change }))
  const changedData = fc.dictionary(fc.constantFrom(...Object.keys(good.data), '__proto__'), anything, { maxKeys: 3 }).map(change => ({ ...good, data: { ...good.data, ...change } }))
  const json = fc.oneof(anything, changed, changedData).map(value => toBytes(JSON.stringify(value) ?? ''))
  const flipped = fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => encodeEvent(good, 'json').map((old, index, all) => index === at % all.length ? byte : old))
  const body = fc.oneof(fc.uint8Array({ maxLength: 400 }), json, flipped)
  const contentType = fc.option(fc.oneof(text, fc.constantFrom('application/json', 'application/cloudevents+json', 'application/cloudevents+protobuf')), { nil: undefined })
  const subject = fc.oneof({ weight: 5, arbitrary: fc.constant(SUBJECT) }, { weight: 1, arbitrary: text })
  const headers = fc.dictionary(fc.constantFrom(...Object.keys(CE), 'traceparent'), text, { maxKeys: 4 })
  fc.assert(fc.property(fc.record({ subject, data: body, contentType, headers }), received =>
    isSane(parseEvent({ ...received, header: toHeader(received.headers) }))), { numRuns: 3_000 })
  t.pass()
})
