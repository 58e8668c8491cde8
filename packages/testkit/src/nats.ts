import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from './postgres.ts'

const PLACES = ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server', '/usr/bin/nats-server']

const answers = (command: string, args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0

const findServer = (): string | undefined => PLACES.find(place => answers(place, ['--version']))

const canInstall = (): boolean => process.getuid?.() === 0 && answers('apt-get', ['--version'])

/**
 * The nats-server of this machine; installs Debian's package when there is none and that is allowed here (root, apt).
 * Throws an Error that says in one line what to install.
 */
export const findNatsServer = (say: (line: string) => void = () => undefined): string => {
  const found = findServer()
  if (found !== undefined) return found
  if (canInstall()) {
    say('nats-server is missing: installing Debian\'s package ...')
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
    spawnSync('apt-get', ['install', '-y', '-qq', 'nats-server'], { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  }
  const installed = findServer()
  if (installed === undefined) throw new Error('nats-server is missing: install it (Debian: apt install nats-server, macOS: brew install nats-server) or set NATS_URL')
  return installed
}

/** A real nats-server with JetStream on 127.0.0.1 that can be killed and started again on the same data. */
export type Nats = {
  url: string
  port: number
  dir: string
  pid: () => number
  start: () => Promise<void>
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

const end = async (child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> => {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/** Starts a nats-server; `dir` keeps its data between runs, a temporary folder otherwise. */
export const openNats = async ({ dir, port, say }: { dir?: string, port?: number, say?: (line: string) => void } = {}): Promise<Nats> => {
  const command = findNatsServer(say)
  const place = { dir: dir ?? await mkdtemp(join(tmpdir(), 'tw-nats-')), port: port ?? await findFreePort() }
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    child = spawn(command, ['--addr', '127.0.0.1', '--port', String(place.port), '--jetstream', '--store_dir', place.dir], { stdio: 'ignore' })
    await untilOpen(place.port, child)
  }
  const kill = (signal: NodeJS.Signals): Promise<void> => end(child, signal)
  await start()
  return {
    ...place,
    url: `nats://127.0.0.1:${place.port}`,
    pid: () => child?.pid ?? 0,
    start,
    kill,
    close: async () => {
      await kill('SIGTERM')
      if (dir === undefined) await rm(place.dir, { recursive: true, force: true })
    }
  }
}
