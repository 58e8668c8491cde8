import t from 'tap'
import { Value } from '@sinclair/typebox/value'
import { config } from '@tw/connectors/webhook/manifest'
import { openSubject, type Answer } from '../app-under-test.ts'
import { createReconcile } from '../reconcile.ts'
import { createRotations } from './rotation.ts'
import { createDisable } from './webhooks.ts'

const subject = await openSubject()
t.teardown(subject.close)
const { world, store, ports } = subject
const ask = await subject.as('default')
const askAcme = await subject.as('acme')

const BODY = { name: 'Security desk', url: 'https://example.com/in', events: ['finding.created'] }
const create = async (changes: object = {}): Promise<Answer & { id: string }> => {
  const answer = await ask('POST', '/webhooks', { ...BODY, ...changes })
  if (answer.status !== 201) throw new Error(answer.text)
  return { ...answer, id: String(answer.body['id']) }
}
const pointers = ({ body }: Answer): unknown => Array.isArray(body['errors']) ? body['errors'].map(({ pointer }) => pointer) : body['errors']

t.test('a webhook is made, read, changed, listed and deleted', async t => {
  const made = await create({ name: '<b>Security</b> desk', retryCount: 9 })
  t.equal(made.headers['location'], `/api/integrations/webhooks/${made.id}`)
  t.match(made.body, { name: 'Security desk', url: 'https://example.com/in', hasSecret: false, retryCount: 9, enabled: true, headers: {}, disabledReason: null })
  t.strictSame((await ask('GET', `/webhooks/${made.id}`)).body, made.body)
  t.match(world.projected.get(made.id), { tenant: 'default', revision: 1, enabled: true, config: { retryCount: 9 } })

  const changed = await ask('PUT', `/webhooks/${made.id}`, { name: 'Desk', events: ['scan.failed', 'scan.completed'] })
  t.match(changed.body, { name: 'Desk', events: ['scan.failed', 'scan.completed'], url: 'https://example.com/in', retryCount: 9 })
  t.equal(world.projected.get(made.id)?.revision, 2)

  const list = await ask('GET', '/webhooks')
  t.match(list.body, { items: [{ id: made.id }], next: null })
  t.match(list.body['events'], [{ type: 'finding.created', title: 'New finding created', category: 'finding' }])

  t.equal((await ask('DELETE', `/webhooks/${made.id}`)).status, 204)
  t.equal((await ask('GET', `/webhooks/${made.id}`)).body['code'], 'TW_WEBHOOK_NOT_FOUND')
  t.equal((await ask('DELETE', `/webhooks/${made.id}`)).status, 404)
  t.equal(world.projected.has(made.id), false)
})

t.test('what is stored fits the contract the workers check', async t => {
  for (const url of ['https://example.com/a|b^c', 'https://example.com/?q={"a":`b`}', 'https://bücher.example/ä?ö#ü']) {
    const { id } = await create({ url, secret: 's', headers: { 'X-A': 'b' } })
    t.ok(Value.Check(config, world.projected.get(id)?.config), url)
  }
})

t.test('a bad body names each field', async t => {
  const cases: [object, string[]][] = [
    [{}, ['/name', '/url', '/events']],
    [{ ...BODY, name: '' }, ['/name']],
    [{ ...BODY, name: '<b></b> ' }, ['/name']],
    [{ ...BODY, name: 'a\nb' }, ['/name']],
    [{ ...BODY, name: 'x'.repeat(201) }, ['/name']],
    [{ ...BODY, events: [] }, ['/events']],
    [{ ...BODY, events: ['finding.deleted'] }, ['/events/0']],
    [{ ...BODY, events: ['scan.failed', 'scan.failed'] }, ['/events']],
    [{ ...BODY, retryCount: 10 }, ['/retryCount']],
    [{ ...BODY, retryCount: '3' }, ['/retryCount']],
    [{ ...BODY, retryCount: 1.5 }, ['/retryCount']],
    [{ ...BODY, enabled: 'yes' }, ['/enabled']],
    [{ ...BODY, secret: '' }, ['/secret']],
    [{ ...BODY, secret: 'a\u0000b' }, ['/secret']],
    [{ ...BODY, secret: '********' }, ['/secret']],
    [{ ...BODY, url: 'https://example.com/\nx' }, ['/url']],
    [{ ...BODY, tenant: 'acme', id: '1' }, ['/tenant', '/id']],
    [{ ...BODY, headers: { 'X-A': 1 } }, ['/headers/X-A']]
  ]
  for (const [body, wanted] of cases) {
    const answer = await ask('POST', '/webhooks', body)
    t.match(answer, { status: 400, body: { code: 'TW_INVALID_REQUEST', status: 400 } }, JSON.stringify(body))
    t.strictSame(pointers(answer), wanted, JSON.stringify(body))
  }
  t.equal((await ask('PUT', `/webhooks/${(await create()).id}`, {})).status, 400)
})

t.test('headers that the delivery sets itself, or that no header can be, are refused by name', async t => {
  const refused = ['Host', 'content-length', 'Transfer-Encoding', 'Content-Type', 'User-Agent', 'X-TW-Signature', 'x-tw-anything', 'webhook-id', 'Traceparent', 'Connection',
    'bad name', 'bad:name', 'bad\r\nX: y', 'ü', '']
  for (const name of refused) t.match(await ask('POST', '/webhooks', { ...BODY, headers: { [name]: 'x' } }), { status: 400 }, JSON.stringify(name))
  for (const value of ['a\r\nX-B: c', 'a\nb', 'a\u0000', 'ü']) t.strictSame(pointers(await ask('POST', '/webhooks', { ...BODY, headers: { 'X-A': value } })), ['/headers/X-A'])
  t.strictSame(pointers(await ask('POST', '/webhooks', { ...BODY, headers: { 'X-A': 'b', 'x-a': 'c' } })), ['/headers/x-a'])
  t.equal((await ask('POST', '/webhooks', { ...BODY, headers: Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`X-${index}`, ''])) })).status, 400)
  t.equal((await ask('POST', '/webhooks', { ...BODY, headers: { 'X-A': 'x'.repeat(4_096), 'X-B': 'x'.repeat(4_096) } })).status, 400)
})

t.test('a URL the guard refuses is a 422 that names the field', async t => {
  const { id } = await create()
  for (const answer of [await ask('POST', '/webhooks', { ...BODY, url: 'http://127.0.0.1/' }), await ask('PUT', `/webhooks/${id}`, { url: 'http://169.254.169.254/' })]) {
    t.match(answer, { status: 422, body: { code: 'TW_URL_REFUSED' } })
    t.strictSame(pointers(answer), ['/url'])
  }
  t.equal((await ask('GET', `/webhooks/${id}`)).body['url'], BODY.url)
})

t.test('no secret ever comes back, stands in Postgres, or is projected', async t => {
  const SECRETS = ['PLAIN-SECRET-1', 'PLAIN-HEADER-2', 'PLAIN-SECRET-3', 'PLAIN-HEADER-4', 'PLAIN-SECRET-5']
  const seen: string[] = []
  const say = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Answer> => {
    const answer = await ask(method, path, body)
    seen.push(answer.text)
    return answer
  }
  const made = await say('POST', '/webhooks', { ...BODY, secret: SECRETS[0], headers: { Authorization: SECRETS[1], 'X-Team': 'blue' } })
  const id = String(made.body['id'])
  t.match(made.body, { hasSecret: true, headers: { authorization: '********', 'X-Team': 'blue' } })
  const sealedHeader = world.projected.get(id)?.sealed['headers.authorization']

  t.match((await say('PUT', `/webhooks/${id}`, { secret: SECRETS[2], headers: { AUTHORIZATION: '********', 'X-Api-Key': SECRETS[3] } })).body,
    { hasSecret: true, headers: { authorization: '********', 'x-api-key': '********', 'X-Team': undefined } })
  t.equal(world.projected.get(id)?.sealed['headers.authorization'], sealedHeader, 'a value sent as ******** is kept')
  await say('PUT', `/webhooks/${id}`, { secret: '********', name: 'Same' })
  await say('POST', `/webhooks/${id}/rotate-secret`, { secret: SECRETS[4] })
  await say('POST', '/webhooks', { ...BODY, name: '', secret: SECRETS[0] })
  await say('POST', `/webhooks/${id}/rotate-secret`, { secret: `${SECRETS[0]}\n` })
  await say('GET', '/webhooks')
  await say('GET', '/audit')
  const tables = await store.db.$queryRaw<{ row: string }[]>`SELECT integrations::text AS row FROM integrations UNION ALL SELECT audit::text FROM audit`
  const everything = [...seen, ...tables.map(({ row }) => row), JSON.stringify([...world.projected.values()])].join('\n')
  t.match(everything, 'X-Team')
  for (const secret of SECRETS) t.notMatch(everything, secret)

  t.match((await say('PUT', `/webhooks/${id}`, { secret: null, headers: {} })).body, { hasSecret: false, headers: {} })
  t.strictSame(world.projected.get(id)?.sealed, {})
})

t.test('a rotated secret and the one before overlap for 24 hours', async t => {
  const { id } = await create({ secret: 'first' })
  const place = (field: string) => ({ tenant: 'default', integrationId: id, field })
  const rotated = await ask('POST', `/webhooks/${id}/rotate-secret`)
  t.match(rotated.body['secret'], /^whsec_[A-Za-z0-9+/]{43}=$/)
  const held = world.projected.get(id)
  t.strictSame(ports.vault.unseal(held?.sealed['secret'] ?? '', place('secret')), { ok: true, plain: rotated.body['secret'] })
  t.strictSame(ports.vault.unseal(held?.sealed['previousSecret'] ?? '', place('previousSecret')), { ok: true, plain: 'first' })
  const until = Date.parse(String(rotated.body['previousSecretUntil']))
  t.ok(Math.abs(until - Date.now() - 24 * 3_600_000) < 10_000)

  const { forgetPrevious } = createRotations(ports)
  await forgetPrevious()
  t.ok(world.projected.get(id)?.sealed['previousSecret'], 'not before its time')
  world.now = new Date(until + 1)
  await forgetPrevious()
  world.now = undefined
  t.notOk(world.projected.get(id)?.sealed['previousSecret'])
  t.equal((await ask('GET', `/webhooks/${id}`)).body['previousSecretUntil'], null)
  const bare = await create()
  t.equal((await ask('POST', `/webhooks/${bare.id}/rotate-secret`, {})).body['previousSecretUntil'], null)
})

t.test('each change leaves its trail, and what changes nothing leaves none', async t => {
  const { id } = await create({ headers: { Authorization: 'x' } })
  await ask('PUT', `/webhooks/${id}`, { name: 'Renamed', secret: 'hush' })
  await ask('PUT', `/webhooks/${id}`, { name: 'Renamed' })
  await ask('POST', `/webhooks/${id}/disable`)
  await ask('POST', `/webhooks/${id}/disable`)
  await ask('POST', `/webhooks/${id}/enable`)
  await ask('DELETE', `/webhooks/${id}`)
  const { body } = await ask('GET', `/audit?webhook=${id}`)
  const entries = (Array.isArray(body['items']) ? body['items'] : []).reverse()
  t.strictSame(entries.map(({ action }) => action), ['webhook.created', 'webhook.updated', 'webhook.disabled', 'webhook.enabled', 'webhook.deleted'])
  t.match(entries[1], { actor: 'admin@example.com', changes: { name: { from: BODY.name, to: 'Renamed' }, secret: { from: null, to: '********' } } })
  t.strictSame(Object.keys(entries[1].changes), ['name', 'secret'])
  t.match(entries[0].changes, { name: { from: null, to: BODY.name }, 'headers.authorization': { from: null, to: '********' } })
})

t.test('a worker\'s request disables, unless the webhook was changed since', async t => {
  const { id } = await create()
  const disable = createDisable(ports)
  const request = { tenant: 'default', integrationId: id, reason: 'gone' as const, at: new Date().toISOString() }
  await ask('PUT', `/webhooks/${id}`, { url: 'https://example.com/elsewhere' })
  await disable({ ...request, revision: 1 })
  t.match((await ask('GET', `/webhooks/${id}`)).body, { enabled: true })
  await disable({ ...request, revision: 2 })
  t.match((await ask('GET', `/webhooks/${id}`)).body, { enabled: false, disabledReason: 'gone' })
  t.match(world.told, [{ kind: 'integration.disabled', tenant: 'default', integrationId: id, reason: 'gone', detail: /410/ }], 'ThreatWeaver is told once')
  t.match((await ask('POST', `/webhooks/${id}/enable`)).body, { enabled: true, disabledReason: null })
  await disable({ ...request, tenant: 'acme', revision: 9 })
  t.match((await ask('GET', `/webhooks/${id}`)).body, { enabled: true })
})

t.test('a test sends a sample of the type, marked as a test', async t => {
  const { id } = await create()
  world.sent.length = 0
  const answer = await ask('POST', `/webhooks/${id}/test`, { eventType: 'assessment.critical_finding' })
  t.equal(answer.status, 202)
  t.match(world.sent, [{ id: answer.body['deliveryId'], integrationId: id, trigger: 'test', event: { type: 'assessment.critical_finding', data: { test: true } } }])
  t.equal(await store.db.event.count({ where: { id: world.sent[0]?.event.id ?? '', test: true } }), 1, 'it is kept, so that its delivery can be sent again')
  t.equal((await ask('POST', `/webhooks/${id}/test`, { eventType: 'x' })).status, 400)
  await ask('POST', `/webhooks/${id}/disable`)
  t.match(await ask('POST', `/webhooks/${id}/test`, { eventType: 'scan.failed' }), { status: 409, body: { code: 'TW_CONFLICT' } })
})

t.test('without NATS a change stands and is projected later; a test event is refused', async t => {
  world.away = true
  const made = await create({ name: 'While away' })
  t.match(await ask('POST', `/webhooks/${made.id}/test`, { eventType: 'scan.failed' }), { status: 503, body: { code: 'TW_UNAVAILABLE' }, headers: { 'retry-after': '5' } })
  const gone = [...world.projected.keys()][0] ?? ''
  t.equal((await ask('DELETE', `/webhooks/${gone}`)).status, 204)
  world.away = false
  t.strictSame([world.projected.has(made.id), world.projected.has(gone)], [false, true])
  const reconcile = createReconcile(ports)
  t.strictSame(await reconcile(), { put: 1, removed: 1 })
  t.strictSame([world.projected.has(made.id), world.projected.has(gone)], [true, false])
  t.strictSame(await reconcile(), { put: 0, removed: 0 })
})

t.test('another tenant sees nothing and reaches nothing', async t => {
  const { id } = await create()
  for (const [method, path, body] of [
    ['GET', '', undefined], ['PUT', '', { name: 'x' }], ['DELETE', '', undefined], ['POST', '/enable', undefined], ['POST', '/disable', undefined],
    ['POST', '/test', { eventType: 'scan.failed' }], ['POST', '/rotate-secret', {}], ['POST', '/replays', { since: '2026-01-01T00:00:00Z' }]
  ] as const) t.match(await askAcme(method, `/webhooks/${id}${path}`, body), { status: 404, body: { code: 'TW_WEBHOOK_NOT_FOUND' } }, `${method} ${path}`)
  t.match((await askAcme('GET', '/webhooks')).body, { items: [] })
  t.match((await askAcme('GET', '/audit')).body, { items: [] })
  t.equal((await ask('GET', `/webhooks/${id}`)).status, 200)
})

t.test('changes at once all take effect, one after the other', async t => {
  const { id } = await create()
  const answers = await Promise.all(Array.from({ length: 4 }, (_, index) => ask('PUT', `/webhooks/${id}`, { retryCount: index })))
  t.strictSame(answers.map(({ status }) => status), [200, 200, 200, 200])
  t.equal(world.projected.get(id)?.revision, (await store.db.integration.findUnique({ where: { id } }))?.revision)
})

t.test('pages of webhooks join without gap or double while new ones are made', async t => {
  const ids: string[] = []
  const read = async (cursor: string): Promise<void> => {
    const { body } = await ask('GET', `/webhooks?limit=3${cursor}`)
    for (const { id } of Array.isArray(body['items']) ? body['items'] : []) ids.push(id)
    await create({ name: 'Between pages' })
    if (typeof body['next'] === 'string') await read(`&cursor=${body['next']}`)
  }
  const before = await store.db.integration.count({ where: { tenant: 'default' } })
  await read('')
  t.equal(ids.length, before)
  t.equal(new Set(ids).size, before)
})
