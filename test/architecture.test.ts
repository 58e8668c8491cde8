import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CONNECTOR_IDS } from '@tw/contracts'
import { CATALOG } from '@tw/connectors/catalog'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n').filter(path => existsSync(join(ROOT, path)))
const SOURCES = FILES.filter(path => /\.(ts|js)$/.test(path))
const SHIPPED = SOURCES.filter(path => /^(packages|services)\//.test(path) && !path.endsWith('.test.ts') && !path.startsWith('packages/testkit/'))

type Manifest = { name: string, folder: string, dependencies: string[], devDependencies: string[] }
const toManifest = (path: string): Manifest => {
  const { name, dependencies = {}, devDependencies = {} } = JSON.parse(read(path))
  return { name, folder: path.replace(/\/?package\.json$/, ''), dependencies: Object.keys(dependencies), devDependencies: Object.keys(devDependencies) }
}
const PACKAGES = FILES.filter(path => /(^|\/)package\.json$/.test(path) && path !== 'package.json').map(toManifest)

// Imports point down only (the layers of the README). The same rank may not import each other, but for the pairs below.
const RANKS: Record<string, number> = {
  contracts: 0,
  proto: 0.5,
  domain: 1,
  'connector-kit': 2,
  bus: 2,
  store: 2,
  vault: 2,
  runtime: 2,
  wire: 2,
  egress: 3,
  connectors: 3,
  'worker-kit': 4,
  testkit: 4
}
const toRank = ({ name, folder }: Manifest): number => RANKS[name.replace('@tw/', '')] ?? (folder.startsWith('packages/') ? Number.NaN : 5)

t.test('every package has a rank and depends on lower ones only', async t => {
  for (const own of PACKAGES) {
    t.notOk(Number.isNaN(toRank(own)), `${own.name} has a rank`)
    const ours = own.dependencies.filter(name => name.startsWith('@tw/'))
    const notLower = ours.filter(name => {
      const other = PACKAGES.find(({ name: known }) => known === name)
      return other === undefined || toRank(other) >= toRank(own)
    })
    t.strictSame(notLower, [], `${own.name} points down`)
  }
})

t.test('testkit ships with nothing', async t => {
  const development = new Set(['@tw/local', '@tw/test', '@tw/proto'])
  t.strictSame(PACKAGES.filter(({ name, dependencies }) => dependencies.includes('@tw/testkit') && !development.has(name)).map(({ name }) => name), [])
})

t.test('each library has one owner', async t => {
  // TypeBox is how contracts are written everywhere; what only tests use has no owner.
  const free = new Set(['@sinclair/typebox'])
  const owners = new Map<string, string[]>()
  for (const { name, dependencies } of PACKAGES) {
    for (const library of dependencies) if (!library.startsWith('@tw/') && !free.has(library)) owners.set(library, [...owners.get(library) ?? [], name])
  }
  t.strictSame([...owners].filter(([, names]) => names.length > 1), [])
  t.strictSame(['nats', '@prisma/client', 'undici', 'pino', 'prom-client', 'fastify'].map(library => owners.get(library)),
    [['@tw/bus'], ['@tw/store'], ['@tw/egress'], ['@tw/runtime'], ['@tw/runtime'], ['@tw/config-api']])
})

t.test('what is imported is declared', async t => {
  for (const { name, folder, dependencies, devDependencies } of PACKAGES) {
    const declared = new Set([name, ...dependencies, ...devDependencies])
    const own = SOURCES.filter(path => path.startsWith(`${folder}/`) && !PACKAGES.some(other => other.folder !== folder && other.folder.startsWith(`${folder}/`) && path.startsWith(`${other.folder}/`)))
    const missing = own.flatMap(path => [...read(path).matchAll(/^(?:import|export)[^'"\n]*?from '([^'.][^']*)'|^import '([^'.][^']*)'/gm)]
      .map(([, from, bare]) => from ?? bare ?? '')
      .filter(specifier => !specifier.startsWith('node:'))
      .map(specifier => specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0] ?? '')
      .filter(library => !declared.has(library))
      .map(library => `${path} imports ${library}`))
    t.strictSame(missing, [], name)
  }
})

t.test('the environment is read in one place', async t => {
  t.strictSame(SHIPPED.filter(path => read(path).includes('process.env') && path !== 'packages/runtime/src/env.ts'), [])
})

t.test('config-api reaches no far end: of egress it takes the guard only', async t => {
  const taken = SHIPPED.filter(path => path.startsWith('services/config-api/')).flatMap(path => [...read(path).matchAll(/from '(@tw\/egress[^']*)'/g)].map(([, from]) => from))
  t.ok(taken.length > 0)
  t.strictSame(taken.filter(from => from !== '@tw/egress/guard'), [])
})

t.test('only workers hold what reaches the outside; workers, dispatcher hold no database', async t => {
  const holds = (library: string): string[] => PACKAGES.filter(({ folder, dependencies }) => folder.startsWith('services/') && dependencies.includes(library)).map(({ folder }) => folder.replace('services/', ''))
  t.strictSame(holds('@tw/store').sort(), ['config-api', 'recorder', 'scheduler'])
  t.strictSame(holds('@tw/worker-kit'), CONNECTOR_IDS.map(id => `worker-${id}`))
  t.notOk(PACKAGES.find(({ name }) => name === '@tw/worker-kit')?.dependencies.includes('@tw/store'))
})

t.test('connector ids, catalog and worker services are the same list', async t => {
  t.strictSame(Object.keys(CATALOG), [...CONNECTOR_IDS])
  t.strictSame(Object.values(CATALOG).map(({ id }) => id), [...CONNECTOR_IDS])
  const workers = PACKAGES.map(({ folder }) => folder).filter(folder => folder.startsWith('services/worker-')).map(folder => folder.replace('services/worker-', ''))
  t.strictSame(workers.sort(), [...CONNECTOR_IDS].sort())
})

t.test('no connector is named in code outside its own folder', async t => {
  const homes = (id: string): RegExp => new RegExp(`^(packages/connectors/src/(${id}/|catalog\\.ts)|packages/contracts/src/connector-id\\.ts|services/(worker-${id}|config-api/src/${id}s?)/)`)
  for (const id of CONNECTOR_IDS) {
    const named = SHIPPED.filter(path => !homes(id).test(path) && new RegExp(`[=!]==? '${id}'|case '${id}'`).test(read(path)))
    t.strictSame(named, [], id)
  }
})

t.test('every door says what it owns and never does', async t => {
  const doors = SOURCES.filter(path => /^packages\/[^/]+\/src\/index\.ts$/.test(path))
  t.ok(doors.length >= 10)
  t.strictSame(doors.filter(path => !/^\/\/ Owns .+\n(\/\/ .+\n)*?\/\/ Never .+\n/.test(read(path))), [])
})

t.test('names: no word beside the glossary, no drawer for odds and ends', async t => {
  const banned = /(^|\/)(utils?|helpers?|common|shared|misc|types|constants|jobs?|tasks?|notifications?|destinations?|endpoints?|hooks?|channels?|handlers?|managers?)(\.[^/]*)?(\/|$)/i
  t.strictSame(FILES.filter(path => banned.test(path)), [])
})

t.test('lines of the README', async t => {
  t.ok(read('README.md').split('\n').length <= 200)
})
