import fc from 'fast-check'
import t from 'tap'
import { Validator } from '@seriousme/openapi-schema-validator'
import type { InjectOptions } from 'fastify'
import { listRoutes, openSubject, PREFIX } from './app-under-test.ts'

const subject = await openSubject()
t.teardown(subject.close)
const { inject, world } = subject
const ask = await subject.as('default')
const authorization = `Bearer ${await subject.token()}`
const webhook = String((await ask('POST', '/webhooks', { name: 'Desk', url: 'https://example.com/', events: ['scan.failed'], secret: 'THE-SECRET' })).body['id'])
const routes = listRoutes(subject.app, ':id').filter(({ method }) => method !== 'HEAD')

t.test('the document is valid OpenAPI 3.1 and tells of our own webhook', async t => {
  const { body } = await ask('GET', '/docs/openapi')
  const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(body)))
  t.ok(valid, JSON.stringify(errors))
  t.match(body, { openapi: '3.1.0', webhooks: { event: { post: { parameters: Array } } }, components: { securitySchemes: { bearer: { scheme: 'bearer' } } } })
  t.match((await ask('GET', '/docs/')).text, 'swagger-ui')
})

t.test('what is no request of ours is a problem document, without a trace of our code', async t => {
  const url = `${PREFIX}/webhooks`
  const json = { authorization, 'content-type': 'application/json' }
  const cases: [InjectOptions, number, string][] = [
    [{ method: 'POST', url, headers: json, payload: '{"name":' }, 400, 'TW_INVALID_REQUEST'],
    [{ method: 'POST', url, headers: json, payload: '' }, 400, 'TW_INVALID_REQUEST'],
    [{ method: 'POST', url, headers: json, payload: '{"__proto__":{"x":1},"name":"a"}' }, 400, 'TW_INVALID_REQUEST'],
    [{ method: 'POST', url, headers: json, payload: '{"headers":{"__proto__":"x"}}' }, 400, 'TW_INVALID_REQUEST'],
    [{ method: 'POST', url, headers: json, payload: '[]' }, 400, 'TW_INVALID_REQUEST'],
    [{ method: 'POST', url, headers: json, payload: JSON.stringify({ name: 'x'.repeat(70_000) }) }, 413, 'TW_BODY_TOO_LARGE'],
    [{ method: 'POST', url, headers: { ...json, 'content-type': 'text/plain' }, payload: 'x' }, 415, 'TW_MEDIA_TYPE'],
    [{ method: 'POST', url, headers: { ...json, 'content-type': 'application/xml' }, payload: '<a/>' }, 415, 'TW_MEDIA_TYPE'],
    [{ method: 'PUT', url, headers: json, payload: '{}' }, 404, 'TW_ROUTE_NOT_FOUND'],
    [{ method: 'GET', url: `${url}/%E0%A4%A`, headers: json }, 400, 'TW_INVALID_REQUEST'],
    [{ method: 'GET', url: `${url}/${'x'.repeat(2_000)}`, headers: json }, 400, 'TW_INVALID_REQUEST'],
    [{ method: 'GET', url: `${url}/not-an-id`, headers: json }, 404, 'TW_WEBHOOK_NOT_FOUND']
  ]
  for (const [options, status, code] of cases) {
    const answer = await inject(options)
    const what = `${String(options.method)} ${String(options.url).slice(0, 60)} ${String(options.payload).slice(0, 30)}`
    t.match(answer, { status, body: { status, code, type: `urn:threatweaver:problem:${code}`, title: String, detail: String } }, what)
    t.match(answer.headers['content-type'], /^application\/problem\+json/, what)
    t.notMatch(answer.text, /node_modules|\.ts:|at .*\(/, what)
  }
})

const nasty = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('\u0000', '\ud800', '../..', "' OR 1=1 --", '%00', 'null', '-1', '1e400', '9'.repeat(400), 'NaN', webhook))
const field = fc.constantFrom('name', 'url', 'events', 'secret', 'headers', 'retryCount', 'enabled', 'eventType', 'since', 'until', 'scope', 'ratePerSecond', 'dryRun', 'constructor')
const value = fc.oneof(nasty, fc.jsonValue(), fc.constantFrom(null, true, 3, -0, 'https://example.com/', ['scan.failed'], { 'X-A': 'b' }, 'scan.failed', '2026-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '2016-12-31T23:59:60Z', '9999-12-31T23:59:59-23:59'))
const body = fc.oneof(fc.dictionary(field, value, { maxKeys: 6 }), fc.record({ name: fc.oneof(fc.constant('x'), nasty), url: fc.oneof(fc.constant('https://example.com/'), nasty), events: fc.constant(['scan.failed']), headers: fc.dictionary(nasty, nasty, { maxKeys: 3 }), secret: nasty }, { requiredKeys: [] }), value)
const query = fc.dictionary(fc.oneof(fc.constantFrom('limit', 'cursor', 'webhook', 'status', 'statusCode', 'eventType', 'since', 'until', 'eventId', 'reason'), nasty), fc.oneof(nasty, value.map(String)), { maxKeys: 4 })

const toQuery = (words: Record<string, string>): string => Object.entries(words).map(pair => pair.map(word => encodeURIComponent(word.toWellFormed())).join('=')).join('&')

// Chance alone may never make a request that succeeds, so these are always among them.
const good = routes.filter(({ method, url }) => url === `${PREFIX}/webhooks` && ['GET', 'POST'].includes(method))
  .map(route => [{ route, id: 'x', words: {}, payload: { name: 'x', url: 'https://example.com/', events: ['scan.failed'] } }] as [{ route: typeof routes[number], id: string, words: Record<string, string>, payload: fc.JsonValue }])

t.test('whatever is sent to whatever route, the answer is documented, never a 5xx, and holds no secret', async t => {
  const seen = new Set<number>()
  await fc.assert(fc.asyncProperty(fc.record({ route: fc.constantFrom(...routes), id: nasty, words: query, payload: body }), async ({ route: { method, url }, id, words, payload }) => {
    // One webhook is left alone, to be found by its id.
    const path = url.replace(':id', method === 'DELETE' && id === webhook ? 'x' : encodeURIComponent(id.toWellFormed()))
    const answer = await inject({
      method: method as 'GET',
      url: `${path}?${toQuery(words)}`,
      headers: { authorization, ...(method === 'GET' ? {} : { 'content-type': 'application/json' }) },
      ...(method === 'GET' ? {} : { payload: JSON.stringify(payload) })
    })
    seen.add(answer.status)
    return answer.status < 500 && !answer.text.includes('THE-SECRET')
  }), { numRuns: 1_500, examples: good })
  for (const status of [200, 201, 400, 404]) t.ok(seen.has(status), `${status} was among the answers`)
})

t.test('a cursor nobody gave out is refused or harmless', async () => {
  await fc.assert(fc.asyncProperty(fc.constantFrom('/webhooks', '/webhooks/deliveries', '/webhooks/replays', '/rejected', '/audit'),
    fc.oneof(nasty.map(text => Buffer.from(text).toString('base64url')), fc.tuple(fc.bigInt(), nasty).map(([at, id]) => Buffer.from(`1 ${at} ${id}`).toString('base64url'))),
    async (path, cursor) => [200, 400].includes((await ask('GET', `${path}?${toQuery({ cursor })}`)).status)), { numRuns: 300 })
})

t.test('with Postgres away every route says 503 and when to come again, and recovers by itself', async t => {
  await subject.postgres.kill('SIGKILL')
  for (const [method, path, payload] of [
    ['GET', '/webhooks', undefined], ['POST', '/webhooks', { name: 'x', url: 'https://example.com/', events: ['scan.failed'] }], ['GET', `/webhooks/${webhook}`, undefined],
    ['DELETE', `/webhooks/${webhook}`, undefined], ['GET', '/webhooks/deliveries', undefined], ['GET', '/rejected', undefined], ['GET', '/audit', undefined]
  ] as const) {
    const answer = await ask(method, path, payload)
    t.match(answer, { status: 503, body: { code: 'TW_UNAVAILABLE' }, headers: { 'retry-after': '5' } }, `${method} ${path}`)
  }
  t.equal((await ask('GET', '/docs/openapi')).status, 200)
  await subject.postgres.start()
  t.equal((await ask('GET', `/webhooks/${webhook}`)).status, 200)
  t.ok(world.projected.has(webhook))
})
