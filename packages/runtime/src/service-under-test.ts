// A service that lives as it is told by its first argument: what `run` promises can only be seen from outside the process.
import { once } from 'node:events'
import { Type } from '@sinclair/typebox'
import { ServiceEnv, readEnv, run } from './index.ts'

const say = (line: string): void => { process.stdout.write(`${line}\n`) }
const Env = Type.Object({ ...ServiceEnv.properties, DATABASE_URL: Type.String({ description: 'where the database is', minLength: 1 }) })

const [how = ''] = process.argv.slice(2)
await run('sample', () => readEnv(Env), async ({ logger, metrics, needs, onClose }, env) => {
  onClose('first', () => say('first closed'))
  if (how === 'cannot start') throw new Error('The far side\n  is not there')
  if (how === 'fault') Reflect.get(Object(undefined), 'x').y()
  say('opens')
  if (how === 'opens for ever') await new Promise(resolve => setTimeout(resolve, 600_000))
  onClose('breaks', () => { throw new Error('it does not want to close') })
  onClose('second', async () => { say('second closes'); await once(process.stdin, 'data'); say('second closed') })
  if (how === 'hangs') onClose('hangs', () => new Promise(() => undefined))
  needs(() => [])
  needs(() => how === 'lacks' ? ['NATS is not connected', 'Postgres is away'] : [])
  metrics.count('tw_sample_total', { kind: 'a' }, 2)
  const secrets = { secret: 'HIDDEN', password: 'HIDDEN', token: 'HIDDEN', authorization: 'HIDDEN', sealed: { secret: 'HIDDEN' } }
  logger.info({ ...secrets, config: secrets, request: { headers: secrets }, env }, 'Shown')
  logger.debug({}, 'too quiet to hear')
})
