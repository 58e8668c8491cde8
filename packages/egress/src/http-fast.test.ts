import { once } from 'node:events'
import { createServer } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { HttpLimits, HttpRequest } from '@tw/connector-kit'
import { CERTIFICATE, openFarEnd, type FarEnd, type FarEndAnswer, type FarEndOptions } from '@tw/testkit'
import t, { type Test } from 'tap'
import { createGuard, toGuardOptions, type GuardOptions } from './guard.ts'
import { createHttpFast, type HttpFast } from './index.ts'

// 127.0.0.2 and 127.0.0.3 stand for public addresses, 127.0.0.1 for a private one.
const PUBLIC = '127.0.0.2'
const MOVED = '127.0.0.3'
const PRIVATE = '127.0.0.1'
const allowed = toGuardOptions({ EGRESS_ALLOW_CIDRS: '127.0.0.2/31', EGRESS_HTTPS_ONLY: false })

type Options = { limits?: Partial<HttpLimits>, guard?: GuardOptions, connections?: number }
type Open = HttpFast & { post: (url: string, change?: Partial<HttpRequest>) => ReturnType<HttpFast['http']> }

const openEgress = (t: Test, { limits = {}, guard = {}, connections = 4 }: Options = {}): Open => {
  const all = { deadlineMs: 10_000, bodyBytesMax: 4_096, bodyBytesRead: 65_536, ...limits }
  const egress = createHttpFast({ guard: createGuard({ ...allowed, denyPorts: [], resolve: async () => [PUBLIC], ...guard }), limits: all, connections, userAgent: 'Sender/1' })
  t.teardown(egress.close)
  return { ...egress, post: (url, change) => egress.http({ method: 'POST', url, headers: { 'X-A': 'b' }, body: '{"a":"ü"}', ...change }) }
}

const openReceiver = async (t: Test, options: FarEndOptions = {}): Promise<FarEnd & { named: string }> => {
  const end = await openFarEnd({ host: PUBLIC, ...options })
  t.teardown(end.close)
  return { ...end, named: end.url.replace(options.host ?? PUBLIC, 'receiver.example') }
}

t.test('a request arrives as it was given, at the host its URL names', async t => {
  const end = await openReceiver(t, { answer: () => ({ status: 202, headers: { 'X-B': ['c', 'd'] }, body: 'tak ✓' }) })
  const { post } = openEgress(t, { connections: 1 })
  t.match(await post(`${end.named}/a?b=c`), { kind: 'answer', status: 202, headers: { 'x-b': 'c, d' }, body: 'tak ✓', truncated: false, durationMs: Number })
  t.match(end.requests, [{ method: 'POST', path: '/a?b=c', headers: { host: `receiver.example:${end.port}`, 'x-a': 'b', 'user-agent': 'Sender/1' } }])
  t.equal(end.requests[0]?.body.toString(), '{"a":"ü"}')
  await post(end.named, { headers: { 'USER-agent': 'Own/1' } })
  t.equal(end.requests[1]?.headers['user-agent'], 'Own/1')
  t.equal(end.connections(), 1, 'connections are kept')
})

t.test('case 23: a name that turns private between check and connection is looked up once and dialled where it was checked', async t => {
  const [end, inside] = [await openReceiver(t), await openReceiver(t, { host: PRIVATE })]
  const asked: string[] = []
  const answers = [[PUBLIC], [PRIVATE]]
  const { post } = openEgress(t, { guard: { resolve: async host => { asked.push(host); return answers[Math.min(asked.length, 2) - 1] ?? [] } } })
  t.match(await post(end.named), { kind: 'answer', status: 204 })
  t.strictSame(asked, ['receiver.example'])
  t.equal(end.requests.length, 1)
  t.match(await openEgress(t, { guard: { resolve: async () => [PRIVATE] } }).post(inside.named), { kind: 'failure', reason: 'refused', sent: false })
  t.match(await openEgress(t, { guard: { resolve: async () => [PUBLIC, PRIVATE] } }).post(inside.named), { kind: 'failure', reason: 'refused', sent: false }, 'nor by one private address among others')
  t.equal(inside.connections(), 0)
})

t.test('case 24: redirects are answers, whichever and wherever to', async t => {
  const inside = await openReceiver(t, { host: PRIVATE })
  const statuses = [301, 302, 303, 307, 308]
  const places = [inside.url, 'file:///etc/passwd', '/elsewhere']
  const end = await openReceiver(t, { answer: ({ path }) => ({ status: Number(path.split('/')[1]), headers: { location: places[Number(path.split('/')[2])] ?? '' } }) })
  const { post } = openEgress(t)
  for (const status of statuses) {
    for (const [index, location] of places.entries()) t.match(await post(`${end.named}/${status}/${index}`), { kind: 'answer', status, headers: { location } })
  }
  t.equal(inside.connections(), 0)
  t.equal(end.requests.length, 15)
})

t.test('case 25: a kept connection does not serve a name that moved, or became private', async t => {
  const end = await openReceiver(t)
  const moved = await openReceiver(t, { host: MOVED, port: end.port })
  let current = PUBLIC
  const { post } = openEgress(t, { connections: 1, guard: { cacheMs: 0, resolve: async () => [current] } })
  await post(end.named)
  await post(end.named)
  t.strictSame([end.requests.length, end.connections(), moved.requests.length], [2, 1, 0], 'while it stays, its connection is kept')
  current = MOVED
  await post(end.named)
  t.strictSame([end.requests.length, moved.requests.length], [2, 1])
  current = PRIVATE
  t.match(await post(end.named), { kind: 'failure', reason: 'refused', sent: false })
  t.strictSame([end.requests.length, moved.requests.length], [2, 1])
  current = PUBLIC
  await post(end.named)
  t.equal(end.requests.length, 3)
})

t.test('case 26: no proxy of the environment is used', async t => {
  const [end, proxy] = [await openReceiver(t), await openReceiver(t, { host: PRIVATE })]
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) {
    const before = process.env[name]
    process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : proxy.url
    t.teardown(() => { if (before === undefined) delete process.env[name]; else process.env[name] = before })
  }
  t.match(await openEgress(t).post(end.named), { kind: 'answer', status: 204 })
  t.equal(proxy.connections(), 0)
})

t.test('case 27: the client asks the guard whoever calls it, for addresses in the URL too', async t => {
  const inside = await openReceiver(t, { host: PRIVATE })
  const { http } = openEgress(t)
  for (const url of [inside.url, `http://127.1:${inside.port}`, `http://[::ffff:127.0.0.1]:${inside.port}`, `http://0:${inside.port}`, `http://localhost:${inside.port}`, 'file:///etc/passwd', 'nonsense']) {
    t.match(await http({ method: 'GET', url, headers: {} }), { kind: 'failure', reason: 'refused', sent: false, detail: /\.$/ }, url)
  }
  t.equal(inside.connections(), 0)
  const end = await openReceiver(t)
  t.match(await http({ method: 'GET', url: `http://[::ffff:${PUBLIC}]:${end.port}/`, headers: {} }), { kind: 'answer' }, 'a judged address is dialled as it was read')
})

t.test('case 31: an answer is read only so far, and only so long', async t => {
  const { promise: cut, resolve: onCut } = Promise.withResolvers<void>()
  async function * endless (): AsyncGenerator<Buffer> {
    try { for (;;) yield Buffer.alloc(16_384, 'é') } finally { onCut() }
  }
  async function * drip (): AsyncGenerator<string> { for (;;) { yield '.'; await delay(5) } }
  const bomb = gzipSync(Buffer.alloc(20_000_000))
  const end = await openReceiver(t, {
    answer: ({ path }) => ({
      '/endless': { status: 200, body: endless() },
      '/drip': { status: 200, body: drip() },
      '/bomb': { status: 200, headers: { 'content-encoding': 'gzip' }, body: bomb },
      '/long': { status: 200, body: `${'a'.repeat(4_095)}é and more` },
      '/headers': { status: 200, headers: { 'x-long': 'a'.repeat(200_000) } },
      '/bytes': { raw: Buffer.from('HTTP/1.1 200 OK\r\nx-a: \xe9\xff\r\ncontent-length: 2\r\n\r\n\xff\xfe', 'latin1') }
    }[path] ?? {})
  })
  const { post, http } = openEgress(t)
  const endlessAnswer = await post(`${end.named}/endless`)
  t.match(endlessAnswer, { kind: 'answer', status: 200, body: /^é+$/, truncated: true })
  t.equal(endlessAnswer.kind === 'answer' && Buffer.byteLength(endlessAnswer.body), 4_096)
  await cut
  const dripped = await http({ method: 'GET', url: `${end.named}/drip`, headers: {} }, { deadlineMs: 150 })
  t.match(dripped, { kind: 'failure', reason: 'timeout', sent: true, detail: /did not complete its answer within 0\.15 s/ })
  t.ok(dripped.durationMs >= 140 && dripped.durationMs < 2_000, `${dripped.durationMs} ms`)
  t.match(await post(`${end.named}/bomb`), { kind: 'answer', body: `(gzip, ${bomb.length} bytes)`, truncated: true })
  t.match(await http({ method: 'GET', url: `${end.named}/bomb`, headers: {} }, { bodyBytesRead: 1_000 }), { body: '(gzip, more than 1000 bytes)' })
  t.hasStrict(await post(`${end.named}/long`), { kind: 'answer', body: 'a'.repeat(4_095), truncated: true }, 'no half character')
  t.match(await post(`${end.named}/headers`), { kind: 'failure', reason: 'bad_answer', sent: true, detail: /16 KiB/ })
  t.match(await post(`${end.named}/bytes`), { kind: 'answer', body: '\ufffd\ufffd' })
})

t.test('case 32: nothing of a refused target can be read from what comes back', async t => {
  const inside = await openReceiver(t, { host: PRIVATE, answer: () => ({ status: 200, body: 'credentials' }) })
  const result = await openEgress(t, { guard: { resolve: async () => [PRIVATE] } }).post(inside.named)
  t.strictSame(Object.keys(result).sort(), ['detail', 'durationMs', 'kind', 'reason', 'sent'])
  t.notMatch(JSON.stringify(result), /credentials|127\.0/)
})

t.test('case 33: a header cannot become another, nor name another host', async t => {
  const end = await openReceiver(t)
  const { post } = openEgress(t)
  for (const headers of [{ 'X-A': 'b\r\nX-C: d' }, { 'X-A\r\nX-C': 'b' }, { 'X-A': 'b\nc' }, { 'X-A': '✓' }, { HOST: 'inside.example' }, { 'Transfer-Encoding': 'chunked' }, { 'Content-Length': '3' }, { 'content-length': 'x' }, { Connection: 'upgrade' }, { 'X A': 'b' }]) {
    t.match(await post(end.named, { headers }), { kind: 'failure', reason: 'bad_request', sent: false }, JSON.stringify(headers))
  }
  t.equal(end.requests.length, 0)
  for (let count = 0; count < 5; count++) t.match(await post(end.named), { kind: 'answer' }, 'and the connections serve on')
})

const raw: Record<string, string> = {
  '/short': 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf',
  '/nonsense': 'SMTP ready\r\n',
  '/twice': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok',
  '/switch': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
  '/early': 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
}

t.test('every way a receiver fails is a value that says so', async t => {
  const end = await openReceiver(t, {
    answer: ({ path }): FarEndAnswer => {
      const named: Record<string, FarEndAnswer> = { '/silence': 'silence', '/reset': { reset: true }, '/half': { reset: true, head: 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf' } }
      return named[path] ?? { raw: raw[path] ?? '' }
    }
  })
  const { post, http } = openEgress(t)
  t.match(await http({ method: 'POST', url: `${end.named}/silence`, headers: {}, body: 'x' }, { deadlineMs: 100 }), { kind: 'failure', reason: 'timeout', sent: true, detail: /did not answer within 0\.1 s/ })
  for (const path of ['/reset', '/half', '/short', '/closed']) t.match(await post(end.named + path), { kind: 'failure', reason: 'reset', sent: true }, path)
  for (const path of ['/nonsense', '/twice', '/switch']) t.match(await post(end.named + path), { kind: 'failure', reason: 'bad_answer', sent: true }, path)
  t.match(await post(`${end.named}/early`), { kind: 'answer', status: 200, body: 'ok' }, 'what comes before the answer is not the answer')
  await end.close()
  t.match(await post(end.named), { kind: 'failure', reason: 'connect', sent: false, detail: /refused the connection/ })
  const lost = openEgress(t, { guard: { resolve: async () => { throw Object.assign(new Error('x'), { code: 'ENOTFOUND' }) } } })
  t.match(await lost.post(end.named), { kind: 'failure', reason: 'dns', sent: false, detail: /receiver\.example does not exist/ })
  const mute = openEgress(t, { limits: { deadlineMs: 50 }, guard: { resolveMs: 200, resolve: () => new Promise(() => undefined) } })
  t.match(await mute.post(end.named), { kind: 'failure', reason: 'dns', sent: false })
})

t.test('what still waits for a connection at the deadline is never sent', async t => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const end = await openReceiver(t, { answer: () => ({ after: released }) })
  const { http } = openEgress(t, { connections: 1 })
  const first = http({ method: 'POST', url: end.named, headers: {}, body: 'first' })
  await end.received(1)
  t.match(await http({ method: 'POST', url: end.named, headers: {}, body: 'second' }, { deadlineMs: 50 }), { kind: 'failure', reason: 'timeout', sent: false })
  release()
  t.match(await first, { kind: 'answer', status: 204 })
  t.match(await http({ method: 'POST', url: end.named, headers: {}, body: 'third' }), { kind: 'answer' })
  t.strictSame(end.requests.map(({ body }) => body.toString()), ['first', 'third'])
})

t.test('a certificate must be trusted and be for the host of the URL', async t => {
  const end = await openReceiver(t, { tls: CERTIFICATE })
  t.match(await openEgress(t).post(end.named), { kind: 'failure', reason: 'tls', sent: false, detail: /not signed by an authority/ })
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, CERTIFICATE.cert])
  t.teardown(() => setDefaultCACertificates(before))
  const { post } = openEgress(t)
  t.match(await post(end.named), { kind: 'answer', status: 204 }, 'though the connection goes to an address')
  t.match(await post(end.named.replace('receiver', 'other')), { kind: 'failure', reason: 'tls', sent: false, detail: /not for this host/ })
  const plain = await openReceiver(t)
  t.match(await post(plain.named.replace('http:', 'https:')), { kind: 'failure', reason: 'tls', sent: false })
  const cutting = createServer(socket => socket.once('data', () => socket.destroy())).listen(0, PUBLIC)
  await once(cutting, 'listening')
  t.teardown(() => cutting.close())
  const address = cutting.address()
  t.match(await post(`https://receiver.example:${typeof address === 'object' ? address?.port : 0}/`), { kind: 'failure', reason: 'connect', sent: false })
})

t.test('a connection that leads elsewhere than to a judged address is cut before anything is sent', async t => {
  const end = await openReceiver(t)
  const route = { kind: 'route' as const, url: end.url, origin: end.url, path: '/', addresses: [MOVED], key: 'elsewhere' }
  const egress = createHttpFast({ guard: { route: () => route, checkUrl: async url => ({ kind: 'allowed', url }) }, limits: { deadlineMs: 1_000, bodyBytesMax: 1, bodyBytesRead: 1 }, connections: 1 })
  t.teardown(egress.close)
  t.match(await egress.http({ method: 'POST', url: end.url, headers: {}, body: 'x' }), { kind: 'failure', reason: 'connect', sent: false })
  t.equal(end.requests.length, 0)
})

t.test('closing lets what is on its way end, and fails what comes later', async t => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const end = await openReceiver(t, { answer: () => ({ after: released }) })
  const { post, close } = openEgress(t)
  const going = post(end.named)
  await end.received(1)
  const closed = close()
  t.match(await post(end.named), { kind: 'failure', reason: 'reset', sent: false, detail: /stopping/ })
  release()
  t.match(await going, { kind: 'answer', status: 204 })
  await closed
})
