// `npm start`: the whole platform on this machine, with nothing but Node and npm to begin with. Guarantees: it ends with every process it
// started, by Ctrl-C, SIGTERM, a closed terminal or a failure at any step; what one that was killed left behind, the next one ends first.
import { isAbsolute, join } from 'node:path'
import { openBus } from '@tw/bus'
import { readEnv } from '@tw/runtime'
import { createPlatform, createToken, findFreePort, type Platform, type ServiceName } from '@tw/testkit'
import { keepRunning, type Part } from './keep-running.ts'
import { START, endLeftovers } from './leftovers.ts'
import { LocalEnv, toFolder, toShown } from './local-env.ts'
import { openLocalFiles, type LocalFiles, type LocalState } from './local-files.ts'
import { createPacedSay, narrateRejected, toReceivedLine } from './narrate.ts'
import { openReceiver } from './receiver.ts'
import { ensureSample, findLogged, sendSample } from './sample.ts'
import { findSamePort, migrateDatabase, openDatabase, openNatsServer } from './servers.ts'

type Close = () => Promise<unknown> | unknown
type Started = { closers: Close[], parts: Map<string, Part>, stopping: boolean, release: () => void }
const run: Started = { closers: [], parts: new Map(), stopping: false, release: () => undefined }

// Whoever read our lines may be gone: that is no reason to leave processes behind.
process.stdout.on('error', () => undefined)
const say = (line: string): void => { process.stdout.write(`${line}\n`) }
const toSentence = (error: unknown): string => (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ')

const opened = async <Opened>(opening: Promise<Opened>, toClose: (opened: Opened) => Close): Promise<Opened> => {
  const made = await opening
  run.closers.push(toClose(made))
  if (run.stopping) throw new Error('Stopping')
  return made
}

const findApiPort = async ({ API_PORT }: LocalEnv, { apiPort }: LocalState): Promise<number> => {
  if (API_PORT === undefined) return await findSamePort(apiPort)
  return await findFreePort(API_PORT).catch(() => { throw new Error(`Port ${API_PORT} is taken: set API_PORT to another one, or stop what listens there.`) })
}

type Servers = { natsUrl: string, databaseUrl: string }

const openServers = async (files: LocalFiles, env: LocalEnv, state: LocalState): Promise<Servers> => {
  const { folder } = files
  say(env.DATABASE_URL === undefined ? 'Starting Postgres ...' : 'Using the Postgres of DATABASE_URL ...')
  const database = await opened(openDatabase(folder, env), ({ close }) => close)
  addPart(files, database.part)
  say('Bringing the database up to date ...')
  await migrateDatabase(database.url)
  say(env.NATS_URL === undefined ? 'Starting NATS ...' : 'Using the NATS of NATS_URL ...')
  const nats = await opened(openNatsServer(folder, env, { port: state.natsPort, say }), ({ close }) => close)
  addPart(files, nats.part)
  return { natsUrl: nats.url, databaseUrl: database.url }
}

// From here on a crash of ours is one the next start can clean up after.
const addPart = (files: LocalFiles, part: Part | undefined): void => {
  if (part !== undefined) run.parts.set(part.name, part)
  files.writeProcesses({
    [START]: { pid: process.pid, mark: 'start.ts' },
    ...Object.fromEntries([...run.parts].map(([name, { pid, mark }]) => [name, { pid: pid(), mark }]))
  })
}

const startPlatform = async (files: LocalFiles, env: LocalEnv, { state, servers, apiPort }: { state: LocalState, servers: Servers, apiPort: number }): Promise<Platform> => {
  say('Starting the services ...')
  const login = Object.fromEntries([['NATS_USER', env.NATS_USER], ['NATS_PASSWORD', env.NATS_PASSWORD]].filter(([, value]) => value !== undefined))
  const onBegin = (name: ServiceName): void => addPart(files, { ...platform.services[name], mark: join('services', name, 'src', 'main.ts') })
  const platform = await opened(createPlatform({
    ...servers, keys: state.keys, apiPort, env: login, logDir: join(files.folder, 'logs'), ownGroup: true, onBegin, onReady: name => say(`  ${name} is ready`)
  }), ({ close }) => close)
  await platform.start()
  return platform
}

const watch = (files: LocalFiles, platform: Platform, { state, servers }: { state: LocalState, servers: Servers }): void => {
  const token = createToken(state.keys)
  const running = new Map(run.parts)
  const tell = (): void => {
    const pids = Object.fromEntries([...running].map(([name, { pid }]) => [name, pid()]))
    files.writeRun({ apiUrl: platform.apiUrl, token, ...servers, pids: { [START]: process.pid, ...pids } })
  }
  const onChange = (part: Part, isRunning: boolean): void => {
    if (run.stopping) return
    if (isRunning) addPart(files, part)
    if (isRunning) running.set(part.name, part)
    else running.delete(part.name)
    tell()
  }
  tell()
  for (const part of run.parts.values()) void keepRunning(part, { say, isStopping: () => run.stopping, onChange })
}

const prove = async (platform: Platform, bus: Awaited<ReturnType<typeof openBus>>, webhookId: string): Promise<void> => {
  say('\nSending a sample finding through NATS ...')
  const delivery = await findLogged(platform, await sendSample(bus), webhookId)
  say(`Its delivery, as the log has it:\n${JSON.stringify(delivery, null, 2)}`)
}

const sayNext = (files: LocalFiles, apiUrl: string, { natsUrl, webhookId }: { natsUrl: string, webhookId: string }): void => {
  const runFile = toShown(join(files.folder, 'run.json'))
  say(`
ThreatWeaver Integrations is running. Ctrl-C stops all of it; your data stays in ${toShown(files.folder)}/.

  API     ${apiUrl}
  Pages   ${apiUrl}/docs   (the API, to browse; any name, the token as password)
  Token   in ${runFile}, for the tenant "default", good for 30 days
  Logs    ${toShown(join(files.folder, 'logs'))}/

Try next, in another terminal, in this folder: emit a finding; send a sample event without NATS; read the log.

  TOKEN=$(node -p "require('${isAbsolute(runFile) ? runFile : `./${runFile}`}').token")
  nats -s ${natsUrl} pub tw.events.default.finding.created "$(node -p "JSON.stringify({...require('./proto/examples/finding.created.json'), id: crypto.randomUUID()})")"
  curl -s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"eventType":"scan.failed"}' ${apiUrl}/webhooks/${webhookId}/test
  curl -s -H "Authorization: Bearer $TOKEN" ${apiUrl}/webhooks/deliveries

What the sample receiver gets is said here:
`)
}

const start = async (env: LocalEnv): Promise<void> => {
  const files = openLocalFiles(toFolder(env))
  run.release = files.close
  await endLeftovers(files.readProcesses(), say)
  const before = files.readState()
  files.writeState(before)
  const apiPort = await findApiPort(env, before)
  const servers = await openServers(files, env, before)
  const paced = createPacedSay(say)
  const receiver = await opened(openReceiver({ port: before.receiverPort ?? 0, secret: before.webhookSecret, onReceived: received => paced(toReceivedLine(received)) }), ({ close }) => close)
  const platform = await startPlatform(files, env, { state: before, servers, apiPort })
  const { state, isNew } = await ensureSample(platform, { ...before, apiPort, ...(env.NATS_URL === undefined ? { natsPort: Number(new URL(servers.natsUrl).port) } : {}) }, receiver.port)
  files.writeState(state)
  watch(files, platform, { state, servers })
  const bus = await opened(openBus({ url: servers.natsUrl, name: 'npm-start', user: env.NATS_USER, password: env.NATS_PASSWORD }), ({ close }) => close)
  void narrateRejected(bus, paced)
  if (isNew || state.proven !== true) await prove(platform, bus, state.webhookId ?? '')
  files.writeState({ ...state, proven: true })
  sayNext(files, platform.apiUrl, { natsUrl: servers.natsUrl, webhookId: state.webhookId ?? '' })
}

const closeAll = async (): Promise<void> => {
  for (const close of run.closers.splice(0).reverse()) await Promise.resolve(close()).catch(error => say(`  ${toSentence(error)}`))
}

const stop = async (code: number, starting: Promise<unknown>): Promise<void> => {
  if (run.stopping) return
  run.stopping = true
  say('\nStopping ...')
  await closeAll()
  // What was being opened meanwhile is closed as well.
  await starting.catch(() => undefined)
  await closeAll()
  run.release()
  say('Stopped.')
  process.exit(code)
}

const fail = (error: unknown): void => {
  if (run.stopping) return
  process.stderr.write(`${toSentence(error)}\n`)
  void stop(1, starting)
}

const readLocalEnv = async (): Promise<LocalEnv> => readEnv(LocalEnv)
const starting = readLocalEnv().then(start)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => { void stop(0, starting) })
process.on('uncaughtException', fail)
starting.catch(fail)
