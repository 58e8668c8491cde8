import fc from 'fast-check'
import protobuf from 'protobufjs'
import t from 'tap'
import { EVENT_DATA, EVENT_TYPES, Finding, isEventType, type Event, type EventType } from '@tw/contracts'
import { example } from '@tw/testkit'
import { CONTENT_TYPES, encodeEvent, parseEvent, type ParsedEvent } from './index.ts'
import { cloudEvent, toMessageType } from './proto.ts'
import { parseDateTime, toDateTime } from './timestamp.ts'

const parse = (data: Uint8Array, type: EventType = 'finding.created'): ParsedEvent =>
  parseEvent({ subject: `tw.events.default.${type}`, data, contentType: CONTENT_TYPES.protobuf })
const toEvent = (parsed: ParsedEvent): Event | string => parsed.ok ? parsed.event : `${parsed.rejection.reason}: ${parsed.rejection.detail}`

const good = example('finding.created')
const ATTRIBUTES = { id: 'p-1', source: '/python', specVersion: '1.0', type: 'finding.created' }
const encode = (change: object): Uint8Array => cloudEvent.encode({ ...ATTRIBUTES, ...change }).finish()
const toAny = (name: string, value: Uint8Array): object => ({ protoData: { type_url: `type.googleapis.com/threatweaver.events.v1.${name}`, value } })
const toFinding = (change: object): Uint8Array => toMessageType('finding.created')
  .encode({ id: 'f', title: 't', severity: 1, status: 1, asset: { id: 'a', name: 'n' }, ...change }).finish()

t.test('every golden example survives protobuf, field for field', async t => {
  for (const type of EVENT_TYPES) t.strictSame(toEvent(parse(encodeEvent(example(type), 'protobuf'), type)), example(type), type)
})

t.test('protobuf is smaller than JSON', async t => {
  for (const type of EVENT_TYPES) t.ok(encodeEvent(example(type), 'protobuf').length < encodeEvent(example(type), 'json').length, type)
})

// Written by Google's protobuf for Python from these .proto files: a finding packed in an Any.
const FROM_PYTHON = '0a0470792d3112072f707974686f6e1a03312e30220f66696e64696e672e637265617465642a150a0a64617461736368656d6112072a0575726e3a782a110a0b73' +
  '616d706c656472617465120210072a160a0474696d65120e3a0c08e38d95cd06108097d197012a0c0a06757267656e7412020801428b010a32747970652e676f6f' +
  '676c65617069732e636f6d2f7468726561747765617665722e6576656e74732e76312e46696e64696e6712550a0454572d31120cc39c6265726772c3b6c39f6518' +
  '022001420e4356452d323032312d34343232384a0e0a03342e3011000000000000000052060a016112016e8a010808e18d95cd0610019801ffffffffffffff0f'

t.test('an event encoded by another implementation is understood', async t => {
  t.strictSame(toEvent(parse(Buffer.from(FROM_PYTHON, 'hex'))), {
    specversion: '1.0',
    id: 'py-1',
    source: '/python',
    type: 'finding.created',
    time: '2026-03-02T08:14:27.318Z',
    dataschema: 'urn:x',
    sampledrate: 7,
    urgent: true,
    data: {
      id: 'TW-1',
      title: 'Übergröße',
      severity: 'high',
      status: 'open',
      cves: ['CVE-2021-44228'],
      cvss: { version: '4.0', score: 0 },
      asset: { id: 'a', name: 'n' },
      firstSeenAt: '2026-03-02T08:14:25.000000001Z',
      sequence: Number.MAX_SAFE_INTEGER
    }
  })
})

t.test('data may also be JSON, as text or bytes', async t => {
  const expected = { specversion: '1.0', id: 'p-1', source: '/python', type: 'finding.created', data: good.data }
  t.strictSame(toEvent(parse(encode({ textData: JSON.stringify(good.data) }))), expected)
  t.strictSame(toEvent(parse(encode({ binaryData: Buffer.from(JSON.stringify(good.data)) }))), expected)
})

t.test('what is not set is absent; zero and false are not', async t => {
  const sync = toMessageType('sync.completed').encode({ id: 's', provider: 'tenable', imported: 0, updated: 4_294_967_295 }).finish()
  const body = encode({ ...toAny('Sync', sync), type: 'sync.completed', attributes: { urgent: { ceBoolean: false }, rate: { ceInteger: 0 } } })
  t.strictSame(toEvent(parse(body, 'sync.completed')),
    { specversion: '1.0', id: 'p-1', source: '/python', type: 'sync.completed', urgent: false, rate: 0, data: { id: 's', provider: 'tenable', imported: 0, updated: 4_294_967_295 } })
})

const REFUSED: [what: string, body: Uint8Array, expected: RegExp][] = [
  ['random bytes', Buffer.from('ffffffffffff', 'hex'), /^not_protobuf: The body is not a message io\.cloudevents\.v1\.CloudEvent\.$/],
  ['JSON', encodeEvent(good, 'json'), /^not_protobuf: /],
  ['half of it', encodeEvent(good, 'protobuf').subarray(0, 40), /^not_protobuf: /],
  ['nothing', new Uint8Array(0), /^not_cloudevent: \/specversion is missing/],
  ['no data', encode({}), /^bad_data: \/data is missing/],
  ['no id', encode({ ...toAny('Finding', toFinding({})), id: undefined }), /^not_cloudevent: \/id is missing/],
  ['the data of another type', encode(toAny('Scan', toFinding({}))), /^bad_data: \/data is "type\.googleapis\.com\/threatweaver\.events\.v1\.Scan", but finding\.created carries threatweaver\.events\.v1\.Finding\.$/],
  ['an Any of nobody', encode({ protoData: { type_url: '', value: toFinding({}) } }), /^bad_data: \/data is ""/],
  ['an Any that is cut', encode(toAny('Finding', toFinding({}).subarray(0, 4))), /^not_protobuf: \/data is not a message threatweaver\.events\.v1\.Finding\.$/],
  ['a type of nobody', encode({ ...toAny('Finding', toFinding({})), type: 'finding.exploded' }), /^unknown_type: /],
  ['another type than the subject', encode({ ...toAny('Scan', toFinding({})), type: 'scan.started' }), /^subject_mismatch: /],
  ['an unspecified severity', encode(toAny('Finding', toFinding({ severity: 0 }))), /^bad_data: \/data\/severity is missing: it must be one of critical/],
  ['a severity of a newer .proto', encode(toAny('Finding', toFinding({ severity: 77 }))), /^bad_data: \/data\/severity must be one of critical, high, medium, low, info, not 77\.$/],
  ['a sequence JSON cannot hold', encode(toAny('Finding', toFinding({ sequence: 2 ** 60 }))), /^bad_data: \/data\/sequence must be a whole number/],
  ['a score that is no number', encode(toAny('Finding', toFinding({ cvss: { version: '3.1', score: Number.NaN } }))), /^bad_data: \/data\/cvss\/score/],
  ['a time beyond all', encode(toAny('Finding', toFinding({ firstSeenAt: { seconds: 1e15, nanos: 0 } }))), /^bad_data: \/data\/firstSeenAt must be a time like .*, not "out of range"\.$/],
  ['text that is not JSON', encode({ textData: 'hello' }), /^not_json: /],
  ['bytes that are not UTF-8', encode({ binaryData: Buffer.from('ff', 'hex') }), /^not_json: /],
  ['__proto__ as an attribute', encode({ ...toAny('Finding', toFinding({})), attributes: { ['__proto__']: { ceString: 'z' } } }), /^not_cloudevent: \/__proto__ cannot be passed on/],
  ['__proto__ in text', encode({ textData: '{"__proto__":{}}' }), /^bad_data: \/data\/__proto__ cannot be passed on/]
]

for (const [what, body, expected] of REFUSED) t.test(`${what} is refused`, async t => { t.match(toEvent(parse(body)), expected) })

t.test('an unspecified previous status is none', async t => {
  const explicitly = Buffer.concat([toFinding({}), Buffer.from([5 << 3, 0])])
  const event = toEvent(parse(encode(toAny('Finding', explicitly))))
  t.strictSame(typeof event === 'string' ? event : Object.keys(event.data).sort(), ['asset', 'id', 'severity', 'status', 'title'])
})

// Numbers are for good: the envelope's are CloudEvents', ours are in emitters' hands. Only add to this list.
const NUMBERS: Record<string, string> = {
  'io.cloudevents.v1.CloudEvent': 'id source specVersion type attributes binaryData textData protoData',
  'io.cloudevents.v1.CloudEvent.CloudEventAttributeValue': 'ceBoolean ceInteger ceString ceBytes ceUri ceUriRef ceTimestamp',
  'threatweaver.events.v1.Finding': 'id title severity status previousStatus vulnerabilityType description cves cvss asset module component evidence remediation compliance url firstSeenAt lastSeenAt sequence',
  'threatweaver.events.v1.Asset': 'id name address',
  'threatweaver.events.v1.Cvss': 'version score vector',
  'threatweaver.events.v1.ComplianceReference': 'framework control',
  'threatweaver.events.v1.SeverityCounts': 'critical high medium low info',
  'threatweaver.events.v1.Scan': 'id name scanner targets startedAt finishedAt findings error url',
  'threatweaver.events.v1.Sla': 'finding policy dueAt breachedAt hoursLeft',
  'threatweaver.events.v1.Sync': 'id provider startedAt finishedAt imported updated resolved error url',
  'threatweaver.events.v1.Assessment': 'id name application startedAt finishedAt findings url',
  'threatweaver.events.v1.CriticalFinding': 'assessment finding'
}

t.test('field numbers are what they were: from 1 in this order', async t => {
  for (const [name, fields] of Object.entries(NUMBERS)) {
    const numbers = cloudEvent.root.lookupType(name).fieldsArray.map(field => [field.name, field.id])
    t.strictSame(Object.fromEntries(numbers), Object.fromEntries(fields.split(' ').map((field, index) => [field, index + 1])), name)
  }
  t.strictSame({ ...cloudEvent.root.lookupEnum('Severity').values }, { SEVERITY_UNSPECIFIED: 0, SEVERITY_CRITICAL: 1, SEVERITY_HIGH: 2, SEVERITY_MEDIUM: 3, SEVERITY_LOW: 4, SEVERITY_INFO: 5 })
})

t.test('data that is a message is called application/protobuf on the wire', async t => {
  t.match(cloudEvent.decode(encodeEvent(good, 'protobuf')), {
    attributes: { datacontenttype: { ceString: 'application/protobuf' } },
    protoData: { type_url: 'type.googleapis.com/threatweaver.events.v1.Finding' }
  })
})

t.test('an attribute named like a field does not replace it', async t => {
  const body = encode({ ...toAny('Finding', toFinding({})), attributes: { id: { ceString: 'x' }, type: { ceString: 'scan.started' }, data: { ceString: 'y' } } })
  t.match(toEvent(parse(body)), { id: 'p-1', type: 'finding.created', data: { id: 'f' } })
})

t.test('what cannot be encoded is said to the emitter', async t => {
  t.throws(() => encodeEvent(Object.assign({}, good, { extension: { a: 1 } }), 'protobuf'), { name: 'TypeError', message: /attribute extension/ })
  t.throws(() => encodeEvent({ ...good, data: { ...good.data, severity: 'worst' } }, 'protobuf'), { name: 'TypeError', message: 'Severity has no "worst"' })
  t.throws(() => encodeEvent({ ...good, time: 'now' }, 'protobuf'), { name: 'RangeError', message: /"now"/ })
})

t.test('every field of the contracts is in the .proto, and the other way round', async t => {
  const toNames = (schema: { properties?: Record<string, object> }): string[] => Object.keys(schema.properties ?? {}).sort()
  for (const type of EVENT_TYPES) t.strictSame(toMessageType(type).fieldsArray.map(({ name }) => name).sort(), toNames(EVENT_DATA[type]), type)
  for (const name of ['asset', 'cvss', 'compliance'] as const) {
    const { resolvedType } = toMessageType('finding.created').fields[name] ?? {}
    const schema = name === 'compliance' ? Finding.properties.compliance.items : Finding.properties[name]
    t.strictSame(resolvedType instanceof protobuf.Type && resolvedType.fieldsArray.map(field => field.name).sort(), toNames(schema), name)
  }
})

t.test('every word of an enum survives', async t => {
  for (const [field, values] of [['severity', Finding.properties.severity['enum']], ['status', Finding.properties.status['enum']]] as const) {
    for (const value of values) t.equal(toFieldAfter({ [field]: value }, field), value)
  }
})
const toFieldAfter = (change: Record<string, unknown>, field: string): unknown => {
  const event = toEvent(parse(encodeEvent(example('finding.created', { data: change }), 'protobuf')))
  return typeof event === 'string' ? event : event.data[field]
}

t.test('an instant survives, to the nanosecond', async t => {
  fc.assert(fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.nat(999_999_999), (seconds, nanos) => {
    const back = parseDateTime(toDateTime({ seconds, nanos }))
    return back.seconds === seconds && back.nanos === nanos
  }))
  t.equal(toDateTime(parseDateTime('2026-03-02T10:14:27.5+02:00')), '2026-03-02T08:14:27.500Z')
  t.equal(toDateTime(parseDateTime('1969-12-31T23:59:59.25Z')), '1969-12-31T23:59:59.250Z')
  t.equal(toDateTime({ seconds: 0, nanos: -1 }), 'out of range')
})

t.test('whatever bytes come, a message is understood or refused', async t => {
  const whole = encodeEvent(good, 'protobuf')
  const flipped = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => whole.map((old, index) => index === at ? byte : old))
  const cut = fc.nat(whole.length).map(length => whole.subarray(0, length))
  const inner = fc.uint8Array({ maxLength: 200 }).map(value => encode(toAny('Finding', value)))
  fc.assert(fc.property(fc.oneof(flipped, cut, inner, fc.uint8Array({ maxLength: 200 })), data => {
    const parsed = parse(data)
    return parsed.ok ? isEventType(parsed.event.type) : parsed.rejection.detail !== ''
  }), { numRuns: 3_000 })
  const groups = new Uint8Array(100_000).fill(0x7b)
  t.match(toEvent(parse(groups)), /^not_protobuf/)
})
