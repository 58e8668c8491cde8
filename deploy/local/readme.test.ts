import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { until } from '@tw/testkit'
import { ROOT } from './local-env.ts'
import { makeFolder, startIn } from './run-under-test.ts'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The commands of every fenced `sh` block, one each; a line that ends with a backslash goes on. */
const findCommands = (text: string): string[] => [...text.matchAll(/^```sh\n([^]*?)^```$/gm)]
  .flatMap(([, block = '']) => block.replaceAll('\\\n', '').split('\n'))
  .filter(line => line.trim() !== '' && !line.startsWith('#'))

/** A shell that stays: variables of one command are there for the next. */
type Shell = { run: (command: string) => Promise<{ code: number, out: string }>, close: () => void }

const openShell = (cwd: string, path: string): Shell => {
  const shell: ChildProcess & { stdin: NodeJS.WritableStream, stdout: NodeJS.ReadableStream, stderr: NodeJS.ReadableStream } =
    spawn('sh', [], { cwd, env: { ...process.env, PATH: path }, stdio: ['pipe', 'pipe', 'pipe'] })
  let out = ''
  const keep = (chunk: Buffer): void => { out += chunk.toString() }
  shell.stdout.on('data', keep)
  shell.stderr.on('data', keep)
  return {
    close: () => shell.kill(),
    run: async command => {
      out = ''
      shell.stdin.write(`${command}\nprintf '\\n[ended %s]\\n' $?\n`)
      await until(command, () => /\n\[ended \d+\]\n$/.test(out))
      const [whole = '', code] = /\n\[ended (\d+)\]\n$/.exec(out) ?? []
      return { code: Number(code), out: out.slice(0, -whole.length) }
    }
  }
}

const isThere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0

/** A folder that looks like the repository with this run's data in it. */
const makePlace = (folder: string): { place: string, path: string } => {
  const place = mkdtempSync(join(tmpdir(), 'tw-readme-'))
  symlinkSync(folder, join(place, '.local'))
  symlinkSync(join(ROOT, 'proto'), join(place, 'proto'))
  mkdirSync(join(place, 'bin'))
  for (const program of ['nats', 'curl'].filter(name => !isThere(name))) {
    const standIn = `exec "${process.execPath}" --disable-warning=ExperimentalWarning "${join(import.meta.dirname, 'stand-in-under-test.ts')}" ${program} "$@"`
    writeFileSync(join(place, 'bin', program), `#!/bin/sh\n${standIn}\n`, { mode: 0o755 })
  }
  return { place, path: `${process.env['PATH'] ?? ''}:${join(place, 'bin')}` }
}

type Said = { shell: Shell, out: string, said: string, ask: () => Promise<string> }
type Check = (said: Said) => Promise<boolean> | boolean

const items = (out: string): Record<string, unknown>[] => Object(JSON.parse(out)).items
const isSet = (name: string, pattern: RegExp): Check => async ({ shell }) => pattern.test((await shell.run(`printf %s "$${name}"`)).out)

// What a list has to show comes a moment after what is asked for: the command is given again until it does.
const lists = (holds: (items: Record<string, unknown>[]) => boolean): Check => async ({ ask }) => {
  await until('the list shows it', async () => holds(items(await ask())))
  return true
}

/** What the README says happens, command by command. The first pattern that fits counts. */
const CHECKS: [RegExp, Check][] = [
  [/^TOKEN=/, isSet('TOKEN', /^[\w-]+\.[\w-]+\.[\w-]+$/)],
  [/^API=/, isSet('API', /^http:\/\/127\.0\.0\.1:\d+\/api\/integrations$/)],
  [/^NATS=/, isSet('NATS', /^nats:\/\/127\.0\.0\.1:\d+$/)],
  [/^nats .* pub tw\.events\.default\.finding\.created "\$\(/, ({ out, said }) => /Published \d+ bytes/.test(out) && /\nReceived {2}finding\.created/.test(said)],
  [/^nats .* pub tw\.events\.default\.\S+ '/, ({ out, said }) => /Published \d+ bytes/.test(out) && /\nRejected {2}\w+ {2}./.test(said)],
  [/^ID=.*-d '\{.*\/webhooks \|/, isSet('ID', /^[0-9a-f]{8}-[0-9a-f-]{27}$/)],
  [/^curl .*"\$API\/webhooks\/deliveries\?limit=1"/, lists(([first]) => first?.['eventType'] === 'finding.created' && first['status'] === 'delivered')],
  [/^curl .*\/webhooks\/deliveries\?webhook=\$ID/, lists(([first]) => first?.['eventType'] === 'scan.failed' && first['status'] === 'failed' && /connect/i.test(String(first['error'])))],
  [/^curl .*\/webhooks\/\$ID\/test/, ({ out }) => typeof Object(JSON.parse(out)).deliveryId === 'string'],
  [/^curl .*\/webhooks\/?"?$/, lists(([first]) => typeof first?.['url'] === 'string')],
  [/^curl .*\/rejected/, lists(([first]) => first?.['reason'] === 'not_cloudevent' && String(first['detail']) !== '')]
]

const SCRIPT = /^npm (?:run )?(start|test|bench)(?: -- (--\w+))?$/

t.test('every command that package.json has is what the README says, for CI as well', async t => {
  const { scripts } = JSON.parse(read('package.json'))
  const named = findCommands(read('README.md')).flatMap(command => {
    const [, script, option] = SCRIPT.exec(command) ?? []
    return script === undefined ? [] : [{ script, option }]
  })
  t.strictSame(new Set(named.map(({ script }) => script)), new Set(['start', 'test', 'bench']))
  for (const { script, option } of named) {
    t.equal(scripts[script], `node deploy/local/bootstrap.js ${script}`)
    const [, file = ''] = new RegExp(`^ {2}${script}: \\['([^']+)'\\]`, 'm').exec(read('deploy/local/bootstrap.js')) ?? []
    t.ok(read(file).includes(`\`npm ${script === 'bench' ? 'run bench' : script}\``), `${file} is what npm ${script} runs`)
    if (option !== undefined) t.ok(read(file).includes(option), `${file} knows ${option}`)
  }
  t.match(read('.ci/run').trim().split('\n').at(-1), /^npm test$/)
})

t.test('every other command of the README does what the README says', async t => {
  const { folder, remove } = makeFolder()
  t.teardown(remove)
  const started = startIn(folder)
  t.teardown(async () => { started.child.kill('SIGTERM'); await started.ended })
  await started.untilSaid(/is said here/)
  const { place, path } = makePlace(folder)
  t.teardown(() => rmSync(place, { recursive: true, force: true }))
  const shell = openShell(place, path)
  t.teardown(shell.close)
  for (const command of findCommands(read('README.md')).filter(line => !SCRIPT.test(line))) {
    const [, check] = CHECKS.find(([pattern]) => pattern.test(command)) ?? []
    if (check === undefined) { t.fail(`The README has a command that nothing checks: ${command}`); continue }
    const before = started.said().length
    const { code, out } = await shell.run(command)
    t.equal(code, 0, `${command}\n${out}`)
    if (/ pub /.test(command)) await started.untilSaid(/\n(Received|Rejected) .*\n/, before - 1)
    t.ok(await check({ shell, out, said: started.said().slice(before - 1), ask: async () => (await shell.run(command)).out }), `${command}\n${out}`)
  }
})
