import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { findFreePort, findNatsServer, openNats, openPostgres, until } from '@tw/testkit'
import { listProcesses, makeFolder, startIn } from './run-under-test.ts'

const nats = await openNats()
t.teardown(nats.close)
const postgres = await openPostgres()
t.teardown(postgres.close)
const squatter = createServer().listen(0, '127.0.0.1')
await once(squatter, 'listening')
t.teardown(() => squatter.close())
const taken = new URL(`tcp://127.0.0.1:${Object(squatter.address()).port}`).port
const free = await findFreePort()

/** A nats-server as somebody else runs it, with what `npm start` needs left out. */
const openOtherNats = async (...args: string[]): Promise<string> => {
  const port = String(await findFreePort())
  const child = spawn(findNatsServer(), ['--addr', '127.0.0.1', '--port', port, ...args], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const url = `nats://127.0.0.1:${port}`
  await until('it listens', async () => await fetch(url.replace('nats', 'http')).then(() => true, error => !/ECONNREFUSED/.test(String(error.cause?.code))))
  return url
}

const { folder: other, remove: removeOther } = makeFolder()
t.teardown(removeOther)
const NO_SERVER = join(import.meta.dirname, 'no-such-nats-server')
const DATABASE_URL = postgres.url
const FAILURES: Record<string, { env: Record<string, string>, says: RegExp }> = {
  'API_PORT is taken': { env: { API_PORT: taken }, says: new RegExp(`Port ${taken} is taken: set API_PORT to another one`) },
  'API_PORT is no port': { env: { API_PORT: 'http' }, says: /API_PORT is "http": expected integer/ },
  'nats-server is missing': { env: { NATS_SERVER: NO_SERVER }, says: /nats-server is not at .*no-such-nats-server: install it .* or set NATS_URL/ },
  'Postgres is away': { env: { DATABASE_URL: `postgresql://someone:hunter2@127.0.0.1:${free}/tw` }, says: new RegExp(`Postgres at 127\\.0\\.0\\.1:${free}/tw does not answer: .*; check DATABASE_URL`) },
  'DATABASE_URL is none': { env: { DATABASE_URL: 'my database, hunter2' }, says: /The database URL is not of the form postgresql:\/\/user:password@host:port\/database/ },
  'the password is wrong': { env: { DATABASE_URL: DATABASE_URL.replace(/:[^:@]+@/, ':hunter2@') }, says: /Postgres at 127\.0\.0\.1:\d+\/postgres does not answer: .*password authentication failed/ },
  'NATS is away': { env: { DATABASE_URL, NATS_URL: `nats://someone:hunter2@127.0.0.1:${free}` }, says: new RegExp(`NATS at nats://127\\.0\\.0\\.1:${free} cannot be reached .*: check NATS_URL`) },
  'NATS_URL is none': { env: { DATABASE_URL, NATS_URL: 'the usual one' }, says: /NATS at the usual one cannot be reached .*: check NATS_URL/ },
  'NATS has no JetStream': { env: { DATABASE_URL, NATS_URL: await openOtherNats() }, says: /NATS at NATS_URL answers, but its JetStream does not .*: start nats-server with --jetstream/ },
  'NATS wants a login': { env: { DATABASE_URL, NATS_URL: await openOtherNats('--jetstream', '--store_dir', other, '--user', 'a', '--pass', 'b') }, says: /NATS at .* cannot be reached \(.*authorization.*\): check NATS_URL, NATS_USER and NATS_PASSWORD/i }
}

for (const [name, { env, says }] of Object.entries(FAILURES)) {
  t.test(`${name}: one line, and nothing left running`, async t => {
    const { folder, remove } = makeFolder()
    t.teardown(remove)
    const started = startIn(folder, { env })
    t.equal(await started.ended, 1)
    t.match(started.complained(), says)
    t.equal(started.complained().trimEnd().split('\n').length, 1, started.complained())
    t.notMatch(started.said() + started.complained(), /hunter2@|:hunter2| {4}at /, 'no password, no stack')
    t.strictSame(listProcesses(folder), [])
    t.notOk(existsSync(join(folder, 'run.json')))
  })
}

t.test('a state that cannot be read is never written over', async t => {
  for (const text of ['{"keys":', '{"keys":{}}', '']) {
    const { folder, remove } = makeFolder()
    t.teardown(remove)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'state.json'), text)
    const started = startIn(folder)
    t.equal(await started.ended, 1)
    t.match(started.complained(), new RegExp(`^${folder}/state\\.json cannot be read: remove the folder ${folder} to begin anew, which loses its data\\.\\n$`))
    t.equal(readFileSync(join(folder, 'state.json'), 'utf8'), text)
    t.strictSame(listProcesses(folder), [])
  }
})

t.test('with DATABASE_URL and NATS_URL it starts neither and stops neither; API_PORT is obeyed', async t => {
  const { folder, remove } = makeFolder()
  t.teardown(remove)
  const apiPort = String(await findFreePort())
  const started = startIn(folder, { env: { DATABASE_URL, NATS_URL: nats.url, API_PORT: apiPort } })
  t.teardown(() => started.child.kill('SIGTERM'))
  await started.untilSaid(/is said here/)
  const { pids, ...run } = started.readRun()
  t.match(run, { databaseUrl: DATABASE_URL, natsUrl: nats.url, apiUrl: `http://127.0.0.1:${apiPort}/api/integrations` })
  t.notOk('postgres' in pids || 'nats' in pids)
  t.match(started.said(), /Using the Postgres of DATABASE_URL[^]*Using the NATS of NATS_URL[^]*"success": true/)
  t.notOk(existsSync(join(folder, 'postgres')) || existsSync(join(folder, 'nats')))
  process.kill(started.child.pid ?? 0, 'SIGINT')
  t.equal(await started.ended, 0)
  t.strictSame(listProcesses(folder), [])
  t.doesNotThrow(() => process.kill(nats.pid(), 0))
  t.doesNotThrow(() => process.kill(postgres.pid ?? 0, 0))
})
