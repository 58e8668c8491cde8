import { join } from 'node:path'
import { openBus } from '@tw/bus'
import { openStore } from '@tw/store'
import { migrate } from '@tw/store/migrate'
import { findFreePort, openNats, openPostgres } from '@tw/testkit'
import type { Part } from './keep-running.ts'
import type { LocalEnv } from './local-env.ts'

/** A server the platform stands on: one that was started here is a part of this run. */
export type Server = { url: string, part: Part | undefined, close: () => Promise<void> }

const CONNECT_WITHIN_MS = 3_000
const toWords = (error: unknown): string => error instanceof Error ? error.message : String(error)
const foreign = (url: string): Server => ({ url, part: undefined, close: async () => undefined })

const checkDatabase = async (databaseUrl: string): Promise<void> => {
  const store = await openStore({ databaseUrl, connections: 1 })
  await store.ready().catch(error => { throw new Error(`${toWords(error)}; check DATABASE_URL.`, { cause: error }) }).finally(store.close)
}

/** The embedded Postgres of this folder, or that of DATABASE_URL. Throws one clear sentence when it does not answer. */
export const openDatabase = async (folder: string, env: LocalEnv): Promise<Server> => {
  if (env.DATABASE_URL !== undefined) {
    await checkDatabase(env.DATABASE_URL)
    return foreign(env.DATABASE_URL)
  }
  const dir = join(folder, 'postgres')
  const postgres = await openPostgres({ dir, durable: true })
  const part: Part = { name: 'postgres', mark: dir, pid: () => postgres.pid ?? 0, start: postgres.start, ended: async () => { await postgres.ended(); return 'killed' } }
  return { url: postgres.url, part, close: postgres.close }
}

/** Brings the database to this version. */
export const migrateDatabase = async (url: string): Promise<void> => { await migrate(url) }

const checkNats = async ({ NATS_USER: user, NATS_PASSWORD: password }: LocalEnv, url: string): Promise<void> => {
  const bus = await openBus({ url, name: 'npm-start', user, password, connectWithinMs: CONNECT_WITHIN_MS })
  try {
    await bus.jsm.getAccountInfo()
  } catch (error) {
    throw new Error(`NATS at NATS_URL answers, but its JetStream does not (${toWords(error)}): start nats-server with --jetstream.`, { cause: error })
  } finally {
    await bus.close()
  }
}

/** A nats-server with JetStream on this folder, or that of NATS_URL. Throws one clear sentence when it does not answer. */
export const openNatsServer = async (folder: string, env: LocalEnv, { port, say }: { port: number | undefined, say: (line: string) => void }): Promise<Server> => {
  if (env.NATS_URL !== undefined) {
    await checkNats(env, env.NATS_URL)
    return foreign(env.NATS_URL)
  }
  const dir = join(folder, 'nats')
  const nats = await openNats({ dir, port: await findSamePort(port), say, command: env.NATS_SERVER, ownGroup: true })
  return { url: nats.url, part: { name: 'nats', mark: dir, pid: nats.pid, start: nats.start, ended: nats.ended }, close: nats.close }
}

/** The port of the run before if it is still free, else any: what people noted down goes on working where it can. */
export const findSamePort = async (before: number | undefined): Promise<number> =>
  before === undefined ? await findFreePort() : await findFreePort(before).catch(() => findFreePort())
