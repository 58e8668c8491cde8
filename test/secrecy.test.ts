// Secrets stay sealed, and tenants apart, over the whole platform. Every place where bytes come to rest is searched byte by byte; a marker
// that is no secret is found in each of them, so the search can fail.
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openFarEnd, type FarEndOptions } from '@tw/testkit'
import { openStack, until, type Logged } from './stack.ts'

t.setTimeout(110_000)
const logs = mkdtempSync(join(tmpdir(), 'tw-logs-'))
const stack = await openStack(undefined, logs)
t.teardown(async () => { await stack.close(); rmSync(logs, { recursive: true, force: true }) })

const SECRETS = {
  first: 'the-first-secret-4f1d0c',
  second: 'the-second-secret-9b27e3',
  authorization: 'Bearer header-secret-77aa01',
  apiKey: 'api-key-secret-c0ffee42'
}
const MARKER = 'not-a-secret-marker-5d1e'

const toSpellings = (secret: string): Buffer[] => {
  const bytes = Buffer.from(secret)
  // A text inside base64 stands at one of three offsets: what surely stays of it there, without its uneven ends.
  const shifted = [0, 1, 2].map(offset => Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').slice(offset === 0 ? 0 : 4).replace(/.{4}=*$/, ''))
  return [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(secret, 'utf16le'), Buffer.from(encodeURIComponent(secret)), ...shifted.map(text => Buffer.from(text))]
}

const listFiles = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)).filter(path => statSync(path, { throwIfNoEntry: false })?.isFile() === true)

const findIn = (folder: string, wanted: Buffer): string[] => listFiles(folder).filter(path => {
  try { return readFileSync(path).includes(wanted) } catch { return false }
})

// Every second attempt fails; what succeeds gets its own secrets back.
const sayBack: FarEndOptions['answer'] = ({ headers }, index) => index % 2 === 0
  ? { status: 500, body: MARKER }
  : { status: 200, headers: { 'x-marker': MARKER }, body: `you sent ${String(headers['authorization'])} and ${String(headers['x-api-key'])}` }

t.test('no secret rests in Postgres, NATS, logs or answers, in any spelling', async t => {
  const farEnd = await openFarEnd({ answer: sayBack })
  t.teardown(farEnd.close)
  const answers: string[] = []
  const ask = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer = await stack.platform.call(method, path, body === undefined ? {} : { body })
    answers.push(JSON.stringify(answer))
    return answer.body
  }
  const { id } = await ask('POST', '/webhooks', { name: MARKER, url: farEnd.url, events: ['finding.created'], secret: SECRETS.first, headers: { Authorization: SECRETS.authorization, 'X-Api-Key': SECRETS.apiKey, 'X-Plain': MARKER } })
  for (let count = 0; count < 5; count += 1) {
    const event = await stack.emit('finding.created', { subject: MARKER })
    await stack.untilStatus(event.id, 'delivered')
  }
  await ask('POST', `/webhooks/${String(id)}/rotate-secret`, { secret: SECRETS.second })
  await ask('PUT', `/webhooks/${String(id)}`, { name: `${MARKER} again` })
  const { deliveryId } = await ask('POST', `/webhooks/${String(id)}/test`, { eventType: 'scan.failed' })
  await until('the test stands in the log', async () => (await stack.platform.call('GET', `/webhooks/deliveries/${String(deliveryId)}`)).body['attempts'] === 1 || undefined)
  await stack.untilStatus((await stack.emit()).id, 'delivered')
  for (const delivery of await stack.list<Logged>('/webhooks/deliveries')) await ask('GET', `/webhooks/deliveries/${delivery.id}`)
  for (const path of ['/webhooks', `/webhooks/${String(id)}`, '/webhooks/deliveries', '/audit', '/rejected', '/docs/openapi']) await ask('GET', path)
  t.ok(farEnd.requests.every(({ headers }) => headers['authorization'] === SECRETS.authorization && headers['x-api-key'] === SECRETS.apiKey), 'the receiver did get them')

  await stack.rows('CHECKPOINT')
  const directories = await stack.rows<{ data_directory: string }>('SHOW data_directory')
  // Long values are compressed in the files: as text they are searched once more.
  const tables = (await stack.rows<{ name: string }>("SELECT quote_ident(relname) AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")).map(({ name }) => name)
  const texts = (await Promise.all(tables.map(name => stack.rows<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)))).flat().map(({ row }) => row)
  const places: Array<{ place: string, known: string, search: (wanted: Buffer) => string[] }> = [
    { place: 'Postgres', known: MARKER, search: wanted => directories.flatMap(({ data_directory: directory }) => findIn(directory, wanted)) },
    { place: 'tables', known: MARKER, search: wanted => texts.filter(text => text.includes(wanted.toString())) },
    { place: 'NATS', known: MARKER, search: wanted => findIn(stack.nats.dir, wanted) },
    { place: 'logs', known: String(deliveryId), search: wanted => findIn(logs, wanted) },
    { place: 'answers', known: MARKER, search: wanted => answers.filter(answer => answer.includes(wanted.toString())) }
  ]
  for (const { place, known, search } of places) {
    t.ok(search(Buffer.from(known)).length > 0, `what is no secret is found in ${place}`)
    for (const [name, secret] of Object.entries(SECRETS)) {
      t.strictSame(toSpellings(secret).flatMap(search), [], `${name} is not in ${place}`)
    }
  }
  const [, vaultKey = ''] = stack.keys.vaultKeys.split(':')
  for (const key of [vaultKey, stack.keys.tokenKey, 'Bearer ', Buffer.from('{"alg":"HS256"').toString('base64url').slice(0, 18)]) t.strictSame(findIn(logs, Buffer.from(key)), [], 'no key and no token is in the logs')
})

t.test('two tenants never see each other\'s anything', async t => {
  const [ours, theirs] = [await openFarEnd(), await openFarEnd()]
  t.teardown(ours.close)
  t.teardown(theirs.close)
  const ourWebhook = await stack.addWebhook(ours.url, {}, 'ours')
  const theirWebhook = await stack.addWebhook(theirs.url, {}, 'theirs')
  // The same id at the same time: NATS, ids and tables must keep them apart.
  const ourEvent = await stack.emit('finding.created', { id: 'the-same-id' }, 'ours')
  await stack.emit('finding.created', { id: 'the-same-id' }, 'theirs')
  await stack.publish('tw.events.theirs.finding.created', '{"oops":true}')
  const [delivery] = await stack.untilLogged(ourEvent.id, items => items[0]?.status === 'delivered', { tenant: 'ours' })
  await stack.untilLogged(ourEvent.id, items => items[0]?.status === 'delivered', { tenant: 'theirs' })
  await until('the rejected event is listed', async () => (await stack.list('/rejected', 'theirs')).length === 1 || undefined)
  t.equal(ours.requests.length, 1)
  t.equal(theirs.requests.length, 1)
  t.strictSame((await stack.list<Logged>('/webhooks/deliveries', 'ours')).map(({ webhookId }) => webhookId), [ourWebhook])
  t.strictSame((await stack.list<{ id: string }>('/webhooks', 'theirs')).map(({ id }) => id), [theirWebhook])
  t.strictSame(await stack.list('/rejected', 'ours'), [])
  t.equal((await stack.list('/audit', 'theirs')).length, 1)
  const { id: replay } = await stack.ask<{ id: string }>('POST', `/webhooks/${ourWebhook}/replays`, { tenant: 'ours', body: { since: '2020-01-01T00:00:00Z' } })
  t.equal((await stack.list('/webhooks/replays', 'ours')).length, 1)
  t.strictSame(await stack.list('/webhooks/replays', 'theirs'), [])
  t.strictSame(await stack.list(`/webhooks/deliveries?webhook=${ourWebhook}`, 'theirs'), [], 'not by its id either')
  const range = { since: '2020-01-01T00:00:00Z', until: new Date().toISOString(), scope: 'all', dryRun: true }
  const foreign: Array<[string, string, object?]> = [
    ['GET', `/webhooks/${ourWebhook}`],
    ['PUT', `/webhooks/${ourWebhook}`, { name: 'Taken over' }],
    ['DELETE', `/webhooks/${ourWebhook}`],
    ['POST', `/webhooks/${ourWebhook}/disable`],
    ['POST', `/webhooks/${ourWebhook}/test`, { eventType: 'scan.failed' }],
    ['POST', `/webhooks/${ourWebhook}/rotate-secret`, {}],
    ['POST', `/webhooks/${ourWebhook}/replays`, range],
    ['GET', `/webhooks/replays/${replay}`],
    ['POST', `/webhooks/replays/${replay}/cancel`],
    ['GET', `/webhooks/deliveries/${delivery?.id}`],
    ['POST', `/webhooks/deliveries/${delivery?.id}/retry`]
  ]
  for (const [method, path, body] of foreign) {
    const answer = await stack.platform.call(method, path, { tenant: 'theirs', ...(body === undefined ? {} : { body }) })
    t.equal(answer.status, 404, `${method} ${path}`)
  }
  t.equal((await stack.ask('GET', `/webhooks/${ourWebhook}`, { tenant: 'ours' }))['name'], 'Test', 'nothing was changed')
  t.equal(ours.requests.length, 1, 'nothing was sent')
})
