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

type Counts = { passed: number, failed: number, skipped: number }

// The last line of the results: `# { total: 3, pass: 1, fail: 1, skip: 1 }`, figures of nothing left out.
const count = (): Counts => {
  const summary = readFileSync(RESULTS, 'utf8').split('\n').findLast(line => line.startsWith('# { total: ')) ?? ''
  const figure = (name: string): number => Number(new RegExp(`${name}: (\\d+)`).exec(summary)?.[1] ?? 0)
  return { passed: figure('pass'), failed: figure('fail'), skipped: figure('skip') + figure('todo') }
}

const main = async (files: string[]): Promise<number> => {
  mkdirSync(join(ROOT, '.local'), { recursive: true })
  say(`nats-server: ${findNatsServer(say)}`)
  // Without it tap goes on with the plugins of its own defaults, whatever package.json says; its types are built as well.
  const built = await run(bin('tap'), ['build'])
  if (built !== 0) return built
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
