import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { Processes } from './local-files.ts'

/** Name of the process that starts the others: it held the folder, so it is gone. */
export const START = 'start'

const WITHIN_MS = 10_000

// Empty when there is no such process, or when it is one that ended and that nobody asked how.
const readCommand = (pid: number): string => {
  if (!existsSync('/proc/self')) return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch { /* It ended meanwhile. */ }
}

/**
 * Ends what a run left behind that was killed before it could end its own processes: two servers on one data folder would spoil it.
 * A process counts as ours only when its command line holds its mark. Resolves when all are gone.
 */
export const endLeftovers = async (processes: Processes, say: (line: string) => void): Promise<void> => {
  const findAlive = (): string[] => Object.entries(processes).filter(([name, { pid, mark }]) => name !== START && readCommand(pid).includes(mark)).map(([name]) => name)
  const first = findAlive()
  if (first.length === 0) return
  say(`Ending what the run before left behind: ${first.join(', ')} ...`)
  // Postgres: a fast end, which does not wait for its clients (https://www.postgresql.org/docs/18/server-shutdown.html).
  for (const name of first) send(processes[name]?.pid ?? 0, 'SIGINT')
  const deadlineMs = Date.now() + WITHIN_MS
  for (let alive = first; alive.length > 0; alive = findAlive()) {
    if (Date.now() > deadlineMs) alive.forEach(name => send(processes[name]?.pid ?? 0, 'SIGKILL'))
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
