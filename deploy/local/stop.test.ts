import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { SERVICE_NAMES, until } from '@tw/testkit'
import { listProcesses, makeFolder, startIn, type Started } from './run-under-test.ts'

const { folder, remove } = makeFolder()
t.teardown(remove)

const RUNNING = /ThreatWeaver Integrations is running/

/** A signal to the whole process group, as a terminal sends it. */
const stop = async (started: Started, signal: NodeJS.Signals): Promise<number | null> => {
  process.kill(-(started.child.pid ?? 0), signal)
  return await started.ended
}

t.test('what a killed run left behind is ended before its data is used again; a closed terminal ends all of it', async t => {
  const killed = startIn(folder)
  await killed.untilSaid(/Starting the services/)
  await until('all of its processes are there', () => SERVICE_NAMES.every(name => readFileSync(join(folder, 'processes.json'), 'utf8').includes(name)))
  process.kill(killed.child.pid ?? 0, 'SIGKILL')
  await killed.ended.catch(() => undefined)
  t.not(listProcesses(folder).length, 0, 'they outlive it')
  const started = startIn(folder)
  t.teardown(() => started.child.kill('SIGTERM'))
  await started.untilSaid(RUNNING)
  t.match(started.said(), /Ending what the run before left behind: postgres, nats, config-api/)
  const { apiUrl, token } = started.readRun()
  t.equal((await fetch(`${apiUrl}/webhooks`, { headers: { authorization: `Bearer ${token}` } })).status, 200)
  t.equal(await stop(started, 'SIGHUP'), 0)
  t.strictSame(listProcesses(folder), [])
})

for (const moment of [/Starting Postgres/, /Starting NATS/, /Starting the services/]) {
  t.test(`Ctrl-C while it says ${moment.source}`, async t => {
    const started = startIn(folder)
    t.teardown(() => started.child.kill('SIGTERM'))
    await started.untilSaid(moment)
    t.equal(await stop(started, 'SIGINT'), 0)
    t.notMatch(started.said(), RUNNING)
    t.equal(started.complained(), '')
    t.strictSame(listProcesses(folder), [])
  })
}
