// `npm start` as tests run it: the real thing, in a folder of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '@tw/testkit'
import type { Run } from './local-files.ts'

const HERE = import.meta.dirname

export type Started = {
  child: ChildProcess
  /** Everything on standard output and standard error so far. */
  said: () => string
  complained: () => string
  /** Resolves when standard output matches from `after` on; rejects with all that was said when the process ends first. */
  untilSaid: (pattern: RegExp, after?: number) => Promise<void>
  readRun: () => Run
  /** Exit code, once it has ended and both outputs are closed. */
  ended: Promise<number | null>
}

/** A new folder, outside the repository, and the way to remove it. */
export const makeFolder = (): { folder: string, remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), 'tw-start-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Runs `npm start` on that folder, in a process group of its own as a terminal would; `bootstrap` goes through its first step as well. */
export const startIn = (folder: string, { env = {}, bootstrap = false }: { env?: Record<string, string>, bootstrap?: boolean } = {}): Started => {
  const script = bootstrap ? [join(HERE, 'bootstrap.js'), 'start'] : ['--disable-warning=ExperimentalWarning', join(HERE, 'start.ts')]
  const { DATABASE_URL: _databaseUrl, NATS_URL: _natsUrl, API_PORT: _apiPort, PATH = '', ...rest } = process.env
  // The folder stands in the PATH, so that whatever is started from there can be told by its environment.
  const child = spawn(process.execPath, script, { env: { ...rest, PATH: `${PATH}:${folder}`, TW_LOCAL: folder, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const texts = { out: '', err: '' }
  child.stdout.on('data', chunk => { texts.out += String(chunk) })
  child.stderr.on('data', chunk => { texts.err += String(chunk) })
  const state = { gone: false }
  const ended = new Promise<number | null>(resolve => child.once('close', code => { state.gone = true; resolve(code) }))
  return {
    child,
    said: () => texts.out,
    complained: () => texts.err,
    ended,
    readRun: () => JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')),
    untilSaid: async (pattern, after = 0) => {
      await until(String(pattern), () => state.gone || pattern.test(texts.out.slice(after)))
        .catch(error => { throw new Error(`${String(error)}, in: ${texts.out}${texts.err}`) })
      if (!pattern.test(texts.out.slice(after))) throw new Error(`It ended before it said ${pattern}: ${texts.out}${texts.err}`)
    }
  }
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Command lines of the processes that live for this folder. Processes can be listed on Linux only; elsewhere none is found. */
export const listProcesses = (folder: string): string[] => {
  if (!existsSync('/proc/self')) return []
  const own = readdirSync('/proc').filter(name => /^\d+$/.test(name) && name !== String(process.pid))
  return own.map(pid => ({ pid, command: read(`/proc/${pid}/cmdline`), environment: read(`/proc/${pid}/environ`) }))
    .filter(({ command, environment }) => command.includes(folder) || environment.includes(folder))
    .map(({ pid, command }) => `${pid} ${command.replaceAll('\0', ' ')}`)
}
