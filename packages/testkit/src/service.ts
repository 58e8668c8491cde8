import { spawn, type ChildProcess } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort } from './postgres.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')

/** A service as its own process, as it runs in production. */
export type Service = {
  name: string
  healthUrl: string
  pid: () => number
  /** Everything it said so far, newest last, at most 64 KiB. */
  said: () => string
  /** Starts it (again) and resolves when it is ready. */
  start: () => Promise<void>
  /** Resolves when it ends, with how: an exit code or a signal. */
  ended: () => Promise<string>
  /** Ends it by signal; resolves, with the exit code, when it is gone. */
  kill: (signal: NodeJS.Signals) => Promise<number | null>
}

export type ServiceOptions = {
  name: string
  env: Record<string, string>
  logDir?: string | undefined
  /** A process group of its own, so that Ctrl-C in a terminal does not reach it: who started it ends it. */
  ownGroup?: boolean | undefined
}

const READY_WITHIN_MS = 60_000
const SAID_MAX = 64 * 1_024

const isReady = async (healthUrl: string): Promise<boolean> => {
  try {
    return (await fetch(`${healthUrl}/readyz`)).status === 200
  } catch {
    return false
  }
}

const isGone = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

// A service that cannot start says why in one line that begins with its name.
const toReason = ({ name, said }: Pick<Service, 'name' | 'said'>): string => {
  const lines = said().trim().split('\n')
  const line = lines.findLast(each => each.startsWith(`${name}: `)) ?? lines.at(-1) ?? ''
  return line.replace(`${name}: `, '')
}

const untilReady = async (child: ChildProcess, service: Pick<Service, 'name' | 'healthUrl' | 'said'>): Promise<void> => {
  const { name, healthUrl } = service
  const deadlineMs = Date.now() + READY_WITHIN_MS
  while (!await isReady(healthUrl)) {
    if (isGone(child)) throw new Error(`${name} ended before it was ready: ${toReason(service)}`)
    if (Date.now() > deadlineMs) throw new Error(`${name} is not ready after ${READY_WITHIN_MS / 1_000} s: ${toReason(service)}`)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}

/** A service that is not started yet. Its environment is `env` and nothing of this process but PATH. */
export const createService = async ({ name, env, logDir, ownGroup = false }: ServiceOptions): Promise<Service> => {
  const port = await findFreePort()
  const main = join(ROOT, 'services', name, 'src', 'main.ts')
  const whole = { PATH: process.env['PATH'] ?? '', HEALTH_HOST: '127.0.0.1', HEALTH_PORT: String(port), ...env }
  if (logDir !== undefined) mkdirSync(logDir, { recursive: true })
  let said = ''
  let child: ChildProcess | undefined
  const service: Service = {
    name,
    healthUrl: `http://127.0.0.1:${port}`,
    pid: () => child?.pid ?? 0,
    said: () => said,
    start: async () => {
      const file = logDir === undefined ? undefined : createWriteStream(join(logDir, `${name}.log`), { flags: 'a' })
      const begun = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main], { env: whole, stdio: ['ignore', 'pipe', 'pipe'], cwd: ROOT, detached: ownGroup })
      child = begun
      const keep = (chunk: Buffer): void => { said = `${said}${chunk.toString()}`.slice(-SAID_MAX); file?.write(chunk) }
      begun.stdout.on('data', keep)
      begun.stderr.on('data', keep)
      begun.once('close', () => file?.end())
      await untilReady(begun, service)
    },
    ended: async () => {
      const running = child
      if (running === undefined) return 'not started'
      if (!isGone(running)) await new Promise(resolve => running.once('exit', resolve))
      return running.signalCode ?? `code ${running.exitCode}`
    },
    kill: async signal => {
      const ending = child
      if (ending === undefined || isGone(ending)) return ending?.exitCode ?? null
      const gone = new Promise<number | null>(resolve => ending.once('exit', code => resolve(code)))
      ending.kill(signal)
      return await gone
    }
  }
  return service
}
