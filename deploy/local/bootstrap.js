// The first step of every command of package.json, on whatever Node >= 20 the machine has: installs the workspace with the pnpm it is
// pinned to, then goes on with the Node it is pinned to. Plain JavaScript, because that Node may not run TypeScript.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const PINNED_NODE = join(ROOT, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
const STAMP = join(ROOT, 'node_modules', '.installed')
const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']

const say = line => process.stdout.write(`${line}\n`)

const end = (line, code = 1) => {
  process.stderr.write(`${line}\n`)
  process.exit(code)
}

// A terminal sends its signals to the child as well, a supervisor to us alone: they are passed on, and the child ends once however often
// it is told. We stay until it has ended.
const run = (command, args, env = {}) => new Promise(resolve => {
  const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env }, shell: process.platform === 'win32' })
  const pass = signal => { child.kill(signal) }
  for (const signal of SIGNALS) process.on(signal, pass)
  child.once('error', error => end(`${command} cannot be run: ${error.message}`))
  child.once('exit', (code, signal) => { SIGNALS.forEach(name => process.off(name, pass)); resolve(signal === null ? code ?? 1 : 1) })
})

const toStamp = () => {
  const hash = createHash('sha256')
  for (const file of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'packages/store/prisma/schema.prisma']) hash.update(readFileSync(join(ROOT, file)))
  return hash.digest('hex')
}

const isInstalled = stamp => existsSync(PINNED_NODE) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp

const install = async () => {
  const stamp = toStamp()
  if (isInstalled(stamp)) return
  say('Installing packages (about a minute the first time) ...')
  if (await run('npx', ['--yes', packageManager, 'install', '--frozen-lockfile']) !== 0) end('The packages could not be installed: the lines above say why.')
  if (!existsSync(PINNED_NODE)) end(`The pinned Node is not at ${PINNED_NODE}: remove node_modules and try again.`)
  if (await run(PINNED_NODE, ['packages/store/prisma/generate.js']) !== 0) end('The database client could not be generated: the lines above say why.')
  mkdirSync(dirname(STAMP), { recursive: true })
  writeFileSync(STAMP, stamp)
}

const COMMANDS = {
  start: ['deploy/local/start.ts'],
  test: ['deploy/local/test.ts'],
  bench: ['test/bench/bench.ts']
}

const [command = '', ...rest] = process.argv.slice(2)
if (!Object.hasOwn(COMMANDS, command)) end(`Unknown command "${command}": one of ${Object.keys(COMMANDS).join(', ')}.`, 2)
if (Number(process.versions.node.split('.')[0]) < 20) end(`Node ${process.versions.node} is too old: install Node 20 or newer.`)
await install()
process.exit(await run(PINNED_NODE, ['--disable-warning=ExperimentalWarning', ...COMMANDS[command], ...rest], { TURBO_TELEMETRY_DISABLED: '1' }))
