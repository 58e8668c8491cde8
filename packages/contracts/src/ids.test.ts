import { FormatRegistry } from '@sinclair/typebox'
import fc from 'fast-check'
import t from 'tap'
import { CONNECTOR_IDS, EVENT_DATA, EVENT_TITLES, EVENT_TYPES, REJECTION_REASONS, TIERS, findEventSubject, findTenant, isEventType, subjects, toDeliveryId } from './index.ts'

const TWELVE = ['assessment.completed', 'assessment.critical_finding', 'finding.created', 'finding.resolved', 'finding.status_changed', 'scan.completed', 'scan.failed', 'scan.started',
  'sla.breach_confirmed', 'sla.breach_warning', 'sync.completed', 'sync.failed']
const UUID_8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const INTEGRATION = '5b0f2c4e-8a67-4a53-9d2b-6a1f0c7e3d10'

t.test('the event types are the twelve of the specification, each with data and a title', async t => {
  t.strictSame([...EVENT_TYPES].sort(), TWELVE)
  t.strictSame(Object.keys(EVENT_DATA).sort(), TWELVE)
  t.strictSame(Object.keys(EVENT_TITLES).sort(), TWELVE)
  for (const name of ['toString', '__proto__', 'constructor', 'finding', '']) t.notOk(isEventType(name), name)
})

t.test('the id of a delivery never changes: receivers and the log know it', async t => {
  // Written down once. Another id here would send everything again after an update.
  t.equal(toDeliveryId({ source: '/threatweaver/scanner', id: 'e-1' }, INTEGRATION), '32ea6ee5-5b95-8b2f-aeb0-936f81d843a5')
})

t.test('the id of a delivery is a UUID of version 8 that tells events, sources and integrations apart', async t => {
  // As the schemas allow them: printable, so no line break can shift text from one part into the next.
  const printable = fc.string({ minLength: 1, maxLength: 40, unit: fc.integer({ min: 0x21, max: 0x7e }).map(code => String.fromCharCode(code)) })
  const event = fc.record({ source: printable, id: printable })
  fc.assert(fc.property(event, fc.uuid(), (one, integration) => UUID_8.test(toDeliveryId(one, integration)) && FormatRegistry.Get('uuid')?.(toDeliveryId(one, integration)) === true))
  const part = fc.tuple(event, fc.uuid())
  fc.assert(fc.property(part, part, ([one, integration], [other, otherIntegration]) => {
    const same = one.source === other.source && one.id === other.id && integration === otherIntegration
    return (toDeliveryId(one, integration) === toDeliveryId(other, otherIntegration)) === same
  }))
  t.not(toDeliveryId({ source: 'a', id: 'bc' }, INTEGRATION), toDeliveryId({ source: 'ab', id: 'c' }, INTEGRATION))
})

t.test('an event subject is read as it is written', async t => {
  const tenant = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
  fc.assert(fc.property(tenant, fc.constantFrom(...EVENT_TYPES), (owner, type) => {
    const found = findEventSubject(subjects.event(owner, type))
    return found?.tenant === owner && found.type === type && findTenant(subjects.event(owner, type)) === owner
  }))
  t.pass()
})

t.test('what is no event subject is not read as one', async t => {
  const bad = ['', 'tw.events', 'tw.events.default', 'tw.events.default.finding', 'tw.events..finding.created', 'tw.events.default.finding.created.x', 'tw.events.default.Finding.Created',
    'tw.events.a b.finding.created', `tw.events.${'x'.repeat(65)}.finding.created`, 'tw.events.*.finding.created', 'tw.events.default.finding.>', 'xtw.events.default.finding.created',
    'tw.events.default.finding.created\n', 'tw.deliveries.webhook', 'tw.events.dé.finding.created']
  for (const subject of bad) t.equal(findEventSubject(subject), undefined, JSON.stringify(subject))
})

t.test('a tenant is found even where the rest of the subject is wrong, so it can see what was rejected', async t => {
  for (const subject of ['tw.events.acme', 'tw.events.acme.x', 'tw.events.acme.finding.created.x', 'tw.events.acme.Finding.Created']) t.equal(findTenant(subject), 'acme', subject)
  for (const subject of ['tw.events', 'tw.events.', 'tw.events.a b.x', 'tw.deliveries.acme', `tw.events.${'x'.repeat(65)}.a.b`]) t.equal(findTenant(subject), undefined, subject)
})

t.test('every subject is made of tokens a NATS server takes', async t => {
  const all = [
    ...CONNECTOR_IDS.flatMap(connector => [subjects.delivery(connector), subjects.attempts(connector), ...TIERS.map(tier => subjects.retry(tier, connector))]),
    ...Object.keys(REJECTION_REASONS).filter((reason): reason is keyof typeof REJECTION_REASONS => reason in REJECTION_REASONS).map(reason => subjects.rejected(reason)),
    ...EVENT_TYPES.map(type => subjects.event('default', type))
  ]
  for (const subject of all) t.match(subject, /^tw(\.[A-Za-z0-9_-]+){2,4}$/, subject)
  t.equal(new Set(all).size, all.length)
})
