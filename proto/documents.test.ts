import { readFileSync, readdirSync } from 'node:fs'
import specs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import t from 'tap'
import { EVENT_TYPES, type EventType } from '@tw/contracts'
import { findExample, toDocuments } from './documents.ts'
import { toEventSchema, type Json } from './json-schemas.ts'

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')

t.test('what is generated is what stands here: after a change run `pnpm generate`', async t => {
  for (const [path, text] of toDocuments()) t.ok(read(path) === text, `${path} is fresh`)
  const known = EVENT_TYPES.map(type => `${type}.json`).sort()
  t.strictSame(readdirSync(new URL('schemas/', import.meta.url)).sort(), known)
  t.strictSame(readdirSync(new URL('examples/', import.meta.url)).sort(), known)
})

const ajv = new Ajv2020({ strict: true, allErrors: true })
formats.default(ajv)
const validators = new Map<EventType, ValidateFunction>(EVENT_TYPES.map(type => [type, ajv.compile(JSON.parse(read(`schemas/${type}.json`)))]))
const isValid = (type: EventType, event: unknown): boolean => validators.get(type)?.(event) === true

t.test('each golden example fits its schema, and no schema of another type', async t => {
  for (const type of EVENT_TYPES) {
    t.ok(isValid(type, findExample(type)), `${type} ${ajv.errorsText(validators.get(type)?.errors)}`)
    for (const other of EVENT_TYPES.filter(one => one !== type)) t.notOk(isValid(other, findExample(type)), `${type} is no ${other}`)
  }
})

const toFields = (value: unknown): Json => Object.fromEntries(Object.entries(Object(value)))
const drop = (value: unknown, name: string): Json => Object.fromEntries(Object.entries(toFields(value)).filter(([key]) => key !== name))

// The required fields, said here once more: losing one from the contracts must not go unnoticed.
const REQUIRED: Record<EventType, string[]> = {
  'finding.created': ['id', 'title', 'severity', 'status', 'asset'],
  'finding.status_changed': ['id', 'title', 'severity', 'status', 'asset'],
  'finding.resolved': ['id', 'title', 'severity', 'status', 'asset'],
  'scan.started': ['id', 'name'],
  'scan.completed': ['id', 'name'],
  'scan.failed': ['id', 'name'],
  'sla.breach_warning': ['finding', 'policy', 'dueAt'],
  'sla.breach_confirmed': ['finding', 'policy', 'dueAt'],
  'sync.completed': ['id', 'provider'],
  'sync.failed': ['id', 'provider'],
  'assessment.completed': ['id', 'name'],
  'assessment.critical_finding': ['assessment', 'finding']
}

t.test('each required field is required, every other may be missing, unknown ones may come', async t => {
  for (const type of EVENT_TYPES) {
    const event = findExample(type)
    for (const name of ['specversion', 'id', 'source', 'type', 'data']) t.notOk(isValid(type, drop(event, name)), `${type} without ${name}`)
    for (const name of Object.keys(toFields(event['data']))) {
      t.equal(isValid(type, { ...event, data: drop(event['data'], name) }), !REQUIRED[type].includes(name), `${type} without data.${name}`)
    }
    t.ok(isValid(type, { ...event, region: 'eu', data: { ...toFields(event['data']), newer: { a: 1 } } }), `${type} with more`)
  }
})

t.test('bad values are refused', async t => {
  const event = findExample('finding.created')
  const bad: Json[] = [
    { specversion: '0.3' },
    { id: 'a b' },
    { source: '' },
    { time: 'yesterday' },
    { datacontenttype: 'text/xml' },
    { traceparent: 'x' },
    { data: [] },
    ...[{ severity: 'Critical' }, { status: 'closed' }, { cves: ['log4shell'] }, { cvss: { version: '3.1', score: 11 } }, { sequence: 1.5 }, { url: 'javascript:alert(1)' }, { title: '' }]
      .map(change => ({ data: { ...toFields(event['data']), ...change } }))
  ]
  for (const change of bad) t.notOk(isValid('finding.created', { ...event, ...change }), JSON.stringify(change).slice(0, 60))
})

t.test('together the examples use every field there is', async t => {
  const collect = (value: unknown, schema: Json, path: string): string[] => {
    const properties = toFields(schema['properties'])
    const items = schema['items']
    if (Array.isArray(value) && items !== undefined) return value.flatMap(one => collect(one, toFields(items), path))
    const fields = toFields(value)
    return Object.keys(properties).flatMap(name => name in fields ? [`${path}/${name}`, ...collect(fields[name], toFields(properties[name]), `${path}/${name}`)] : [])
  }
  const all = (schema: Json, path: string): string[] => Object.entries(toFields(schema['properties'] ?? toFields(schema['items'])['properties']))
    .flatMap(([name, inner]) => [`${path}/${name}`, ...all(toFields(inner), `${path}/${name}`)])
  // A finding within another event is as rich as its own event; what is asked here is each field of each category.
  const category = (type: EventType): string => type.split('.')[0] ?? ''
  const isWhole = (path: string): boolean => !/\/data\/(finding|assessment)\//.test(path)
  for (const name of new Set(EVENT_TYPES.map(category))) {
    const types = EVENT_TYPES.filter(type => category(type) === name)
    const used = new Set(types.flatMap(type => collect(findExample(type)['data'], toFields(toFields(toEventSchema(type)['properties'])['data']), '/data')))
    const known = new Set(types.flatMap(type => all(toFields(toFields(toEventSchema(type)['properties'])['data']), '/data')))
    t.strictSame([...known].filter(path => isWhole(path) && !used.has(path)), [], name)
  }
})

t.test('the AsyncAPI document is valid by the official schema of AsyncAPI 3.0', async t => {
  const official = new Ajv({ strict: false, allErrors: true, meta: false, validateSchema: false })
  formats.default(official)
  const check = official.compile(toFields(specs.schemas['3.0.0']))
  const document: Json = JSON.parse(read('asyncapi.json'))
  t.ok(check(document), official.errorsText(check.errors).slice(0, 500))
  t.notOk(check({ ...document, asyncapi: '2.6.0' }))
  t.notOk(check({ ...document, operations: { x: { action: 'shout' } } }))
})

t.test('every reference of the AsyncAPI document leads somewhere, and every example fits its payload', async t => {
  const document: Json = JSON.parse(read('asyncapi.json'))
  const references = [...read('asyncapi.json').matchAll(/"\$ref": "#\/([^"]+)"/g)].map(([, path = '']) => path)
  const find = (path: string): unknown => path.split('/').reduce<unknown>((value, name) => toFields(value)[name], document)
  for (const path of new Set(references)) t.not(find(path), undefined, path)
  const components = { $id: 'urn:threatweaver:asyncapi', ...document }
  const payloads = new Ajv({ strict: false })
  formats.default(payloads)
  payloads.addSchema(components)
  for (const type of EVENT_TYPES) {
    const check = payloads.getSchema(`urn:threatweaver:asyncapi#/components/messages/${type}/payload`)
    t.equal(check?.(findExample(type)), true, type)
    t.equal(check?.(findExample(type === 'scan.failed' ? 'sync.failed' : 'scan.failed')), false, type)
    t.equal(toFields(find(`channels/${type}`))['address'], `tw.events.{tenant}.${type}`)
  }
})
