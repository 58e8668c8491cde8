import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { createPublish, openBus } from '@tw/bus'
import { openStore } from '@tw/store'
import { SERVICE_NAMES, example, until } from '@tw/testkit'
import { listProcesses, makeFolder, startIn, type Started } from './run-under-test.ts'

const { folder, remove } = makeFolder()
t.teardown(remove)

const NAMES = ['start', 'postgres', 'nats', ...SERVICE_NAMES].sort()

const isAlive = (pid: number): boolean => {
  try { return process.kill(pid, 0) } catch { return false }
}

const findPid = (started: Started, name: string): number => started.readRun().pids[name] ?? 0

// What was printed of the logged delivery.
const toShownDelivery = (said: string): Record<string, unknown> => Object(JSON.parse(/as the log has it:\n(\{[^]*?\n\})/.exec(said)?.[1] ?? '{}'))

const ask = async (started: Started, path: string, body?: object): Promise<Record<string, unknown>> => {
  const { apiUrl, token } = started.readRun()
  const answer = await fetch(`${apiUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  return Object(await answer.json())
}

const listIds = async (started: Started, path: string): Promise<string[]> => {
  const { items } = await ask(started, path)
  return Array.isArray(items) ? items.map(item => String(item.id)).sort() : []
}

const emit = async (started: Started, id: string, data: object | string): Promise<void> => {
  const bus = await openBus({ url: started.readRun().natsUrl, name: 'test' })
  const event = typeof data === 'string' ? data : JSON.stringify({ ...example('finding.created'), id, data: { ...example('finding.created').data, ...data } })
  await createPublish(bus)({ subject: 'tw.events.default.finding.created', data: event, messageId: id })
  await bus.close()
}

const LOOPBACK = '0100007F'

// Local addresses of listening sockets, from the kernel's own table: 0A is LISTEN.
const listListening = (pids: number[]): string[] => pids.flatMap(pid => ['tcp', 'tcp6'].flatMap(table => {
  const path = `/proc/${pid}/net/${table}`
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8').split('\n').map(line => line.trim().split(/\s+/)).filter(([, , , state]) => state === '0A').map(([, local = '']) => local)
}))
const toPort = (url: string): string => Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0')

const stop = async (started: Started, pid: number, signal: NodeJS.Signals): Promise<number | null> => {
  process.kill(pid, signal)
  return await started.ended
}

t.test('the first run proves itself, says what to try, and keeps what it says true until Ctrl-C', async t => {
  const started = startIn(folder)
  t.teardown(() => started.child.kill('SIGTERM'))
  await started.untilSaid(/is said here/)
  const said = started.said()
  t.match(said, /Starting Postgres[^]*database up to date[^]*Starting NATS[^]*Starting the services/, 'progress')
  for (const name of SERVICE_NAMES) t.match(said, `${name} is ready`)
  t.match(said, /Received {2}finding\.created {2}".+" {2}signature verified {2}delivery [0-9a-f-]{36}/)
  const shown = toShownDelivery(said)
  t.match(shown, { eventType: 'finding.created', status: 'delivered', statusCode: 200, success: true, attempts: 1 })
  t.equal(started.complained(), '', 'no warning, of WebAssembly or else')

  const run = started.readRun()
  t.equal(statSync(join(folder, 'run.json')).mode & 0o777, 0o600)
  t.equal(statSync(join(folder, 'state.json')).mode & 0o777, 0o600)
  t.ok(said.includes(`API     ${run.apiUrl}\n`))
  t.ok(said.includes(`nats -s ${run.natsUrl} pub tw.events.default.finding.created`))
  t.strictSame(await listIds(started, '/webhooks/deliveries'), [shown['id']], 'the address and the token are good')
  t.strictSame(Object.keys(run.pids).sort(), NAMES)
  t.strictSame(Object.values(run.pids).filter(pid => !isAlive(pid)), [])
  t.equal(run.pids['start'], started.child.pid)
  const store = await openStore({ databaseUrl: run.databaseUrl, connections: 1 })
  await store.ready()
  await store.close()
  const listening = listListening(Object.values(run.pids))
  for (const url of [run.apiUrl, run.natsUrl, run.databaseUrl]) {
    t.strictSame(listening.filter(local => local.endsWith(`:${toPort(url)}`) && !local.startsWith(LOOPBACK)), [], `${new URL(url).protocol} listens on 127.0.0.1 only`)
    t.ok(listening.length === 0 || listening.includes(`${LOOPBACK}:${toPort(url)}`))
  }

  const second = startIn(folder)
  t.equal(await second.ended, 1)
  t.match(second.complained(), new RegExp(`^Another npm start \\(process ${started.child.pid}\\) uses ${folder}: .*TW_LOCAL.*\\n$`))
  t.strictSame(started.readRun(), run, 'the first run is not disturbed')

  for (const name of ['worker-webhook', 'recorder', 'nats', 'postgres']) {
    const before = findPid(started, name)
    process.kill(before, 'SIGKILL')
    await until(`${name} is back`, () => ![0, before].includes(findPid(started, name)))
    t.ok(isAlive(findPid(started, name)), `${name} came back`)
  }
  t.strictSame({ ...started.readRun(), pids: 0 }, { ...run, pids: 0 }, 'addresses and token stay')

  await emit(started, 'after-the-kills', { title: 'Odd \u001b[31mtitle\nReceived  nothing' })
  await started.untilSaid(/Received {2}finding\.created {2}"Odd \[31mtitle Received nothing" {2}signature verified/)
  await emit(started, 'not-an-event', '{"specversion":')
  await started.untilSaid(/\nRejected {2}not_json {2}.+\n/)
  await until('the log has the delivery', async () => (await listIds(started, '/webhooks/deliveries?eventId=after-the-kills')).length === 1)
  // eslint-disable-next-line no-control-regex
  t.notMatch(started.said(), /[\u0000-\u0009\u000b-\u001f]/)

  const pids = Object.values(started.readRun().pids)
  t.equal(await stop(started, -(started.child.pid ?? 0), 'SIGINT'), 0, 'Ctrl-C reaches the whole process group')
  t.strictSame(pids.filter(isAlive), [])
  t.strictSame(listProcesses(folder), [])
  t.notOk(existsSync(join(folder, 'run.json')), 'nothing runs, nothing is said to')
})

t.test('the next run has all of it, sends nothing again, and SIGTERM to npm alone ends all of it', async t => {
  const state: { receiverPort: number, webhookId: string } = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8'))
  const squatter = createServer().listen(state.receiverPort, '127.0.0.1')
  await once(squatter, 'listening')
  t.teardown(() => squatter.close())
  const startMs = Date.now()
  const started = startIn(folder, { bootstrap: true })
  t.teardown(() => started.child.kill('SIGTERM'))
  await started.untilSaid(/is said here/)
  t.comment(`second run: ready after ${Date.now() - startMs} ms`)
  t.notMatch(started.said(), /Received|Sending/)
  t.equal((await listIds(started, '/webhooks/deliveries')).length, 2)
  t.strictSame(await listIds(started, '/webhooks'), [state.webhookId])
  t.match(await ask(started, `/webhooks/${state.webhookId}`), { url: /^http:\/\/127\.0\.0\.1:\d+\/$/ })
  t.notMatch(await ask(started, `/webhooks/${state.webhookId}`), { url: `http://127.0.0.1:${state.receiverPort}/` }, 'its receiver had to move')
  await ask(started, `/webhooks/${state.webhookId}/test`, { eventType: 'scan.failed' })
  await started.untilSaid(/Received {2}scan\.failed {2}".+" {2}signature verified/)
  const pids = Object.values(started.readRun().pids)
  t.equal(pids.length, NAMES.length)
  t.equal(await stop(started, started.child.pid ?? 0, 'SIGTERM'), 0)
  t.strictSame(pids.filter(isAlive), [])
  t.strictSame(listProcesses(folder), [])
})
