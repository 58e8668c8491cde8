// `npm start`: the whole platform on this machine, with nothing but Node and npm to begin with.
import { join } from 'node:path'
import { migrate } from '@tw/store/migrate'
import { createToken, findFreePort, openNats, openPlatform, openPostgres, type Platform } from '@tw/testkit'
import { findLogged, openSample, sendSample } from './first-delivery.ts'
import { LOCAL, readLocalState, writeLocal, writeLocalState, type LocalState } from './local-state.ts'
import { keepRunning } from './keep-running.ts'
import type { Received } from './receiver.ts'

const say = (line: string): void => { process.stdout.write(`${line}\n`) }

type Closer = () => Promise<unknown>
const closers: Closer[] = []
const state = { stopping: false }

const stop = async (code: number): Promise<void> => {
  if (state.stopping) return
  state.stopping = true
  say('\nStopping ...')
  for (const close of closers.splice(0).reverse()) await close().catch(error => say(`  ${String(error)}`))
  say('Stopped. Your data stays in .local/ for the next start.')
  process.exit(code)
}

const openServers = async (): Promise<{ natsUrl: string, databaseUrl: string }> => {
  const { NATS_URL, DATABASE_URL } = process.env
  say(DATABASE_URL === undefined ? 'Starting Postgres ...' : 'Using the Postgres of DATABASE_URL.')
  const postgres = await openPostgres({ dir: join(LOCAL, 'postgres'), durable: true, ...(DATABASE_URL === undefined ? {} : { databaseUrl: DATABASE_URL }) })
  closers.push(postgres.close)
  say('Migrating the database ...')
  await migrate(postgres.url)
  if (NATS_URL !== undefined) say('Using the NATS of NATS_URL.')
  else say('Starting NATS ...')
  const nats = NATS_URL === undefined ? await openNats({ dir: join(LOCAL, 'nats'), say }) : { url: NATS_URL, close: async () => undefined }
  closers.push(nats.close)
  return { natsUrl: nats.url, databaseUrl: postgres.url }
}

const openServices = async (local: LocalState, servers: { natsUrl: string, databaseUrl: string }): Promise<Platform> => {
  const apiPort = await findApiPort(local)
  say('Starting the services ...')
  const platform = await openPlatform({ ...servers, keys: local.keys, apiPort, logDir: join(LOCAL, 'logs'), onReady: name => say(`  ${name} is ready`) })
  closers.push(platform.close)
  keepRunning(platform, { say, isStopping: () => state.stopping })
  return platform
}

const findApiPort = async (local: LocalState): Promise<number> => {
  const { API_PORT } = process.env
  if (API_PORT !== undefined) return await findFreePort(Number(API_PORT))
  const before = local.apiPort
  return before === undefined ? await findFreePort() : await findFreePort(before).catch(() => findFreePort())
}

const sayReceived = ({ deliveryId, eventType, signed, body }: Received): void =>
  say(`Received  ${eventType}  event ${body.id}  delivery ${deliveryId}  ${signed ? 'signature verified' : 'SIGNATURE DOES NOT FIT'}`)

const sayNext = (platform: Platform, natsUrl: string): void => say(`
ThreatWeaver Integrations is running. Ctrl-C stops all of it.

  API      ${platform.apiUrl}
  Log      ${join(LOCAL, 'logs')}
  Token    in .local/run.json, for tenant "default", valid 30 days

Try next, in another terminal:

  TOKEN=$(node -p "require('./.local/run.json').token")
  curl -s -H "Authorization: Bearer $TOKEN" ${platform.apiUrl}/webhooks
  curl -s -H "Authorization: Bearer $TOKEN" ${platform.apiUrl}/webhooks/deliveries
  nats -s ${natsUrl} pub tw.events.default.finding.created "$(cat proto/examples/finding.created.json)"
`)

const start = async (): Promise<void> => {
  const local = readLocalState()
  const servers = await openServers()
  const platform = await openServices(local, servers)
  const apiPort = Number(new URL(platform.apiUrl).port)
  const sample = await openSample(platform, { ...local, apiPort }, sayReceived)
  closers.push(sample.close)
  writeLocalState(sample.state)
  const pids = Object.fromEntries(Object.entries(platform.services).map(([name, service]) => [name, service.pid()]))
  writeLocal('run.json', { apiUrl: platform.apiUrl, token: createToken(local.keys), ...servers, pids })
  if (sample.first) {
    say('Sending a sample finding through NATS ...')
    const delivery = await findLogged(platform, await sendSample(servers.natsUrl))
    say(`The delivery as the log has it:\n${JSON.stringify(delivery, null, 2)}`)
  }
  sayNext(platform, servers.natsUrl)
}

const stopWell = (): void => { stop(0).catch(() => process.exit(1)) }
process.on('SIGINT', stopWell).on('SIGTERM', stopWell)
start().catch(error => {
  if (state.stopping) return
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  void stop(1)
})
