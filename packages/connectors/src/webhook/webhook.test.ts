import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { Webhook as Verifier } from 'standardwebhooks'
import t from 'tap'
import type { Attempted, Http, HttpAnswer, HttpFailureReason, HttpRequest } from '@tw/connector-kit'
import type { Delivery } from '@tw/contracts'
import { example } from '@tw/testkit'
import { classify } from './classify.ts'
import { MASK, webhook } from './index.ts'
import type { Config } from './manifest.ts'
import { USER_AGENT, render } from './render.ts'

const NOW_MS = Date.parse('2026-01-02T03:04:05.678Z')
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const config: Config = { url: 'https://example.com/in?x=1', secret: SECRET, retryCount: 3 }
const delivery: Delivery = {
  id: '018f6f2e-7a2b-8c3d-9e4f-5a6b7c8d9e0f',
  tenant: 'default',
  connector: 'webhook',
  integrationId: '4be0643f-1d98-573b-97cd-ca98a65347dd',
  event: example('finding.created'),
  createdAt: '2026-01-02T03:00:00.000Z',
  trigger: 'event',
  round: 0,
  attempt: 1,
  holds: 0
}

const toLower = (headers: Record<string, string>): Record<string, string> => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
const answer = (status: number, headers: Record<string, string> = {}, body = ''): HttpAnswer => ({ kind: 'answer', status, headers, body, truncated: false, durationMs: 12.6 })

t.test('the POST is the one of the specification', async t => {
  const { method, url, body, headers } = render(delivery, config, NOW_MS)
  t.equal(method, 'POST')
  t.equal(url, config.url)
  const { id, type, time, data, traceparent, tracestate } = delivery.event
  t.strictSame(JSON.parse(body), { id, type, timestamp: time, data })
  t.strictSame(toLower(headers), {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    'x-tw-event': 'finding.created',
    'x-tw-delivery': delivery.id,
    'x-tw-signature': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
    'webhook-id': delivery.id,
    'webhook-timestamp': '1767323045',
    'webhook-signature': headers['webhook-signature'],
    traceparent,
    tracestate
  })
  t.ok(['Content-Type', 'User-Agent', 'X-TW-Event', 'X-TW-Delivery', 'X-TW-Signature'].every(name => name in headers), 'spelt as in the specification')
})

t.test('without a secret nothing is signed; without a time of its own the event has that of its acceptance; a test says so', async t => {
  const { time: _time, ...event } = delivery.event
  const { body, headers } = render({ ...delivery, event, trigger: 'test' }, { url: config.url, retryCount: 0 }, NOW_MS)
  t.match(JSON.parse(body), { timestamp: delivery.createdAt, test: true })
  t.equal(headers['X-TW-Test'], 'true')
  t.strictSame(Object.keys(headers).filter(name => /signature/i.test(name)), [])
  const traced = { ...event, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' }
  t.match(render({ ...delivery, event: traced }, config, NOW_MS).headers, { traceparent: traced.traceparent, tracestate: 'a=b' })
  const { traceparent: _gone, ...stateOnly } = traced
  t.notOk('tracestate' in render({ ...delivery, event: stateOnly }, config, NOW_MS).headers, 'a state without its parent means nothing')
})

t.test('the body is the same bytes at every attempt, and a retry or replay is told by nothing but its time', async t => {
  const first = render(delivery, config, NOW_MS)
  const later = render({ ...delivery, trigger: 'replay', round: 1_767_323_045_000, attempt: 4, holds: 2 }, config, NOW_MS + 3_600_000)
  t.equal(later.body, first.body)
  t.equal(later.headers['X-TW-Delivery'], first.headers['X-TW-Delivery'])
  t.not(later.headers['webhook-signature'], first.headers['webhook-signature'])
})

t.test('while a rotated secret overlaps a verifier of either secret accepts, afterwards only the new one', async t => {
  const previousSecret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
  const rotated: Config = { ...config, previousSecret, previousSecretUntil: new Date(Date.now() + 1_000).toISOString() }
  const verify = (secret: string, nowMs: number): unknown => {
    const { body, headers } = render(delivery, rotated, nowMs)
    return new Verifier(secret).verify(body, headers)
  }
  for (const secret of [SECRET, previousSecret]) t.match(verify(secret, Date.now()), { id: delivery.event.id })
  t.match(verify(SECRET, Date.now() + 60_000), { id: delivery.event.id })
  t.throws(() => verify(previousSecret, Date.now() + 60_000), /No matching signature/)
  t.equal(render(delivery, rotated, Date.now()).headers['X-TW-Signature']?.split(',').length, 2)
})

t.test('no custom header, however it is written, takes the place of ours or passes for ours', async t => {
  const ours = toLower(render(delivery, config, NOW_MS).headers)
  const name = fc.constantFrom(...Object.keys(ours), 'x-tw-test', 'x-tw-tenant', 'webhook-extra', 'x-team', 'authorization')
  const cased = fc.tuple(name, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 })).map(([text, upper]) => [...text].map((letter, index) => upper[index] === true ? letter.toUpperCase() : letter).join(''))
  t.doesNotThrow(() => fc.assert(fc.property(fc.dictionary(cased, fc.constant('forged')), headers => {
    const sent = Object.entries(render(delivery, { ...config, headers }, NOW_MS).headers)
    const names = sent.map(([each]) => each.toLowerCase())
    const forged = sent.filter(([, value]) => value === 'forged').map(([each]) => each.toLowerCase())
    const mayPass = Object.keys(headers).filter(each => /^(x-team|authorization)$/i.test(each))
    return forged.length === mayPass.length && forged.every(each => each === 'x-team' || each === 'authorization') &&
      Object.entries(ours).every(([each, value]) => names.filter(other => other === each).length === 1 && sent.some(([other, given]) => other.toLowerCase() === each && given === value))
  })))
})

t.test('every status is exactly one of delivered, gone and retryable', async t => {
  const counts = { delivered: 0, gone: 0, retryable: 0 }
  for (let status = 100; status < 600; status += 1) {
    const outcome = classify(answer(status), NOW_MS)
    counts[outcome.kind] += 1
    t.equal(outcome.kind, status >= 200 && status < 300 ? 'delivered' : status === 410 ? 'gone' : 'retryable', String(status))
    if (outcome.kind !== 'delivered') t.match(outcome.reason, new RegExp(`\\b${status}\\b`))
    if (outcome.kind !== 'delivered') t.equal(/redirects are not followed/.test(outcome.reason), status >= 300 && status < 400)
  }
  t.strictSame(counts, { delivered: 100, gone: 1, retryable: 399 })
})

t.test('Retry-After is honoured as seconds and as a date, with any failing status; nonsense is not', async t => {
  const cases: [string, number | undefined][] = [
    ['120', NOW_MS + 120_000],
    [' 0 ', NOW_MS],
    ['Fri, 02 Jan 2026 04:04:05 GMT', Date.parse('2026-01-02T04:04:05Z')],
    ['-1', undefined], ['1.5', undefined], ['soon', undefined], ['', undefined], ['2026', NOW_MS + 2_026_000], ['99999999999999', undefined]
  ]
  for (const [value, notBeforeMs] of cases) {
    for (const status of [301, 404, 429, 503]) {
      const outcome = classify(answer(status, { 'retry-after': value }), NOW_MS)
      t.equal(outcome.kind === 'retryable' ? outcome.notBeforeMs : Number.NaN, notBeforeMs, `${status} ${value}`)
    }
  }
  t.strictSame(classify(answer(204, { 'retry-after': '9' }), NOW_MS), { kind: 'delivered' })
})

const attempt = async (http: Http, changes: Partial<Config> = {}): Promise<Attempted & { sent: HttpRequest[] }> => {
  const sent: HttpRequest[] = []
  const attempted = await webhook.deliver({ ...config, ...changes }, { delivery, nowMs: NOW_MS, http: request => { sent.push(request); return http(request) } })
  return { ...attempted, sent }
}

t.test('a failure of any kind is worth another attempt and has no status', async t => {
  const reasons: HttpFailureReason[] = ['refused', 'dns', 'connect', 'tls', 'timeout', 'reset', 'bad_answer', 'bad_request']
  for (const reason of reasons) {
    const attempted = await attempt(async () => ({ kind: 'failure', reason, detail: `It failed: ${reason}`, sent: false, durationMs: 3.4 }))
    t.match(attempted, { outcome: { kind: 'retryable', reason: `It failed: ${reason}` }, statusCode: null, responseTimeMs: 3, response: null, request: { method: 'POST', url: config.url } })
  }
})

t.test('the log keeps what was sent and what came back, secrets masked, also those a far end says back', async t => {
  const headers = { authorization: 'Bearer THE-TOKEN', 'x-api-key': 'short', 'X-Team': 'security', 'X-Session-Token': '4711-4711-4711' }
  const attempted = await attempt(async request => answer(500, { 'x-seen': `${request.headers['authorization']}`, date: 'today' }, JSON.stringify(request.headers)), { headers })
  t.match(attempted.sent[0]?.headers, headers, 'what is sent is whole')
  t.match(attempted.request?.headers, { authorization: MASK, 'x-api-key': MASK, 'X-Session-Token': MASK, 'X-Team': 'security' })
  t.equal(attempted.request?.headers['X-TW-Signature'], attempted.sent[0]?.headers['X-TW-Signature'], 'a signature is no secret: it helps the receiver\'s people')
  t.strictSame(attempted.response?.headers, { 'x-seen': MASK, date: 'today' })
  t.notMatch(JSON.stringify([attempted.request, attempted.response, attempted.outcome]), /THE-TOKEN|4711-4711|MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw/)
  t.match(attempted, { statusCode: 500, responseTimeMs: 13 })
  t.equal((await attempt(async () => answer(200, {}, 'security'), { headers })).response?.body, 'security')
})

t.test('a webhook has as many retries as it says', async t => {
  t.equal(webhook.toRetryCount({ ...config, retryCount: 9 }), 9)
})
