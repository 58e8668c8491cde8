// `npm test`: lint, types, then every test with the real parts. Ends with one line that counts them.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findNatsServer } from '@tw/testkit'

const ROOT = join(import.meta.dirname, '..', '..')
const RESULTS = join(ROOT, '.local', 'test-results.tap')
const bin = (name: string): string => join(ROOT, 'node_modules', '.bin', name)

const say = (line: string): void => { process.stdout.write(`${line}\n`) }

const run = async (command: string, args: string[]): Promise<number> => {
  // The pinned Node and the pinned pnpm come first, so that tools started by tools use them as well.
  const PATH = `${join(ROOT, 'node_modules', 'node', 'bin')}:${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`
  const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, PATH, TAP_RCFILE: '' } })
  return await new Promise(resolve => child.once('exit', code => resolve(code ?? 1)))
}

// Assertions stand deepest in the tree of TAP: lines that no subtest follows. Counting every line of a plain `ok` counts each once.
const count = (): { passed: number, failed: number, skipped: number } => {
  const lines = readFileSync(RESULTS, 'utf8').split('\n').filter(line => /^\s*(not )?ok \d+/.test(line) && !line.includes('# time='))
  const skipped = lines.filter(line => /# (SKIP|TODO)/i.test(line)).length
  const failed = lines.filter(line => line.trimStart().startsWith('not ok') && !/# (SKIP|TODO)/i.test(line)).length
  return { passed: lines.length - failed - skipped, failed, skipped }
}

const main = async (files: string[]): Promise<number> => {
  mkdirSync(join(ROOT, '.local'), { recursive: true })
  say(`nats-server: ${findNatsServer(say)}`)
  if (files.length === 0) {
    say('Lint and types ...')
    const checked = await run(bin('turbo'), ['run', '//#lint', '//#typecheck', '--output-logs=errors-only', '--no-update-notifier'])
    if (checked !== 0) return checked
  }
  say('Tests ...')
  const code = await run(bin('tap'), ['--reporter=terse', `--output-file=${RESULTS}`, ...files])
  const { passed, failed, skipped } = count()
  say(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  if (passed === 0) say('No test ran: that is a failure.')
  return code !== 0 || failed > 0 || passed === 0 ? Math.max(code, 1) : 0
}

process.exit(await main(process.argv.slice(2)))
