import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from './postgres.ts'

const PLACES = ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server', '/usr/bin/nats-server']

const answers = (command: string, args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0

const findServer = (): string | undefined => PLACES.find(place => answers(place, ['--version']))

const canInstall = (): boolean => process.getuid?.() === 0 && answers('apt-get', ['--version'])

const HOW_TO_INSTALL = 'install it (Debian: apt install nats-server, macOS: brew install nats-server) or set NATS_URL to a server that runs'

/**
 * The nats-server of this machine: `wanted` and no other where it is given. Installs Debian's package when there is none and that is
 * allowed here (root, apt). Throws an Error that says in one line what to install.
 */
export const findNatsServer = (say: (line: string) => void = () => undefined, wanted?: string): string => {
  if (wanted !== undefined && !answers(wanted, ['--version'])) throw new Error(`nats-server is not at ${wanted}: ${HOW_TO_INSTALL}`)
  const found = wanted ?? findServer()
  if (found !== undefined) return found
  if (canInstall()) {
    say('nats-server is missing: installing Debian\'s package ...')
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
    spawnSync('apt-get', ['install', '-y', '-qq', 'nats-server'], { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  }
  const installed = findServer()
  if (installed === undefined) throw new Error(`nats-server is missing: ${HOW_TO_INSTALL}`)
  return installed
}

/** A real nats-server with JetStream on 127.0.0.1 that can be killed and started again on the same data. */
export type Nats = {
  url: string
  port: number
  dir: string
  pid: () => number
  start: () => Promise<void>
  /** Resolves when it is not running, with how it ended: an exit code or a signal. */
  ended: () => Promise<string>
  /** Ends the process with `signal`, keeping the data. */
  kill: (signal: NodeJS.Signals) => Promise<void>
  /** Ends it, and removes the data if it made the folder itself. */
  close: () => Promise<void>
}

const isOpen = (port: number): Promise<boolean> => new Promise(resolve => {
  const socket = connect(port, '127.0.0.1')
  socket.once('data', data => { socket.destroy(); resolve(data.toString().startsWith('INFO')) })
  socket.once('error', () => { socket.destroy(); resolve(false) })
})

const untilOpen = async (port: number, child: ChildProcess): Promise<void> => {
  const deadlineMs = Date.now() + 30_000
  while (!await isOpen(port)) {
    if (child.exitCode !== null) throw new Error(`nats-server ended with code ${child.exitCode} before it listened on port ${port}: is the port taken?`)
    if (Date.now() > deadlineMs) throw new Error(`nats-server did not listen on port ${port} within 30 s`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

const isGone = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const end = async (child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> => {
  if (child === undefined || isGone(child)) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

export type NatsOptions = {
  /** Keeps its data between runs; a temporary folder otherwise. */
  dir?: string
  /** A free one if absent. */
  port?: number
  say?: (line: string) => void
  /** The program, where it is not to be looked for. */
  command?: string | undefined
  /** A process group of its own, so that Ctrl-C in a terminal does not reach it: who started it ends it. */
  ownGroup?: boolean
}

/** Starts a nats-server that listens on 127.0.0.1 only. */
export const openNats = async ({ dir, port, say, command: wanted, ownGroup = false }: NatsOptions = {}): Promise<Nats> => {
  const command = findNatsServer(say, wanted)
  const place = { dir: dir ?? await mkdtemp(join(tmpdir(), 'tw-nats-')), port: port ?? await findFreePort() }
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    child = spawn(command, ['--addr', '127.0.0.1', '--port', String(place.port), '--jetstream', '--store_dir', place.dir], { stdio: 'ignore', detached: ownGroup })
    await untilOpen(place.port, child)
  }
  const kill = (signal: NodeJS.Signals): Promise<void> => end(child, signal)
  await start()
  return {
    ...place,
    url: `nats://127.0.0.1:${place.port}`,
    pid: () => child?.pid ?? 0,
    start,
    ended: async () => {
      if (child !== undefined && !isGone(child)) await once(child, 'exit')
      return child?.signalCode ?? `code ${child?.exitCode ?? 'none'}`
    },
    kill,
    close: async () => {
      await kill('SIGTERM')
      if (dir === undefined) await rm(place.dir, { recursive: true, force: true })
    }
  }
}
