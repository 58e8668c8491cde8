import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { migrate } from '@tw/store/migrate'
import { createKeys, openNats, openPlatform, openPostgres, type Platform } from '@tw/testkit'
import { openEmitter, type Emitter } from './emit.ts'
import { ofFamily, toCpuMs, toResidentMb } from './figures.ts'

export type ReceiverFigures = Record<string, { count: number, unique: number, latenciesMs: number[], lastAtMs: number }>

/** The whole platform, an emitter and a receiver, each a process of its own on this machine. */
export type Stage = {
  platform: Platform
  emitter: Emitter
  natsUrl: string
  databaseUrl: string
  receiver: { url: string, count: (name: string) => Promise<number>, figures: () => Promise<ReceiverFigures>, reset: () => Promise<void> }
  addWebhook: (name: string, change?: object) => Promise<string>
  removeWebhooks: () => Promise<void>
  /** Resident MB of each process. */
  memory: () => Record<string, number>
  /** CPU ms of each process so far. */
  cpu: () => Record<string, number>
  close: () => Promise<void>
}

const openReceiver = async (): Promise<{ url: string, pid: number, close: () => void }> => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'receiver.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout, 'data')
  const { port } = JSON.parse(String(line))
  return { url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0, close: () => { child.kill('SIGKILL') } }
}

export const openStage = async (env: Record<string, string> = {}): Promise<Stage> => {
  const [postgres, nats, receiver] = await Promise.all([openPostgres({ durable: true }), openNats(), openReceiver()])
  await migrate(postgres.url)
  const platform = await openPlatform({ natsUrl: nats.url, databaseUrl: postgres.url, keys: createKeys(), env: { LOG_LEVEL: 'warn', ...env } })
  const emitter = await openEmitter(nats.url)
  const webhooks: string[] = []
  const pids = (): Record<string, number> => ({
    ...Object.fromEntries(Object.entries(platform.services).map(([name, service]) => [name, service.pid()])),
    nats: nats.pid(),
    postgres: postgres.pid ?? 0,
    receiver: receiver.pid,
    emitter: process.pid
  })
  const ofEach = (read: (pid: number) => number): Record<string, number> => Object.fromEntries(Object.entries(pids()).map(([name, pid]) => [name, name === 'postgres' ? ofFamily(read)(pid) : read(pid)]))
  return {
    platform,
    emitter,
    natsUrl: nats.url,
    databaseUrl: postgres.url,
    receiver: {
      url: receiver.url,
      count: async name => Number(await (await fetch(`${receiver.url}/count/${name}`)).text()),
      figures: async (): Promise<ReceiverFigures> => JSON.parse(await (await fetch(`${receiver.url}/figures`)).text()),
      reset: async () => { await (await fetch(`${receiver.url}/reset`, { method: 'POST' })).text() }
    },
    addWebhook: async (name, change = {}) => {
      const { status, body } = await platform.call('POST', '/webhooks', { body: { name, url: `${receiver.url}/${name}`, secret: 'a secret of the bench', events: ['finding.created'], ...change } })
      if (status !== 201) throw new Error(`The webhook was refused: ${JSON.stringify(body)}`)
      webhooks.push(String(body['id']))
      return String(body['id'])
    },
    removeWebhooks: async () => { for (const id of webhooks.splice(0)) await platform.call('DELETE', `/webhooks/${id}`) },
    memory: () => ofEach(toResidentMb),
    cpu: () => ofEach(toCpuMs),
    close: async () => {
      await emitter.close()
      await platform.close()
      receiver.close()
      await nats.close()
      await postgres.close()
    }
  }
}
