import { readFile, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, type SqlDriverAdapter, type SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { SchemaEngine } from '@prisma/schema-engine-wasm'
import { openStore, type Db } from './open.ts'

const FOLDER = join(import.meta.dirname, '..', 'prisma', 'migrations')
const SCHEMA = join(import.meta.dirname, '..', 'prisma', 'schema.prisma')
// Any number no other lock of this database has.
const LOCK = 7_460_112
const LOCK_DEADLINE_MS = 120_000

const readMigrations = async (): Promise<{ path: string, migrationFile: { path: string, content: { tag: 'ok', value: string } } }[]> => {
  const folders = (await readdir(FOLDER, { withFileTypes: true })).filter(entry => entry.isDirectory()).map(entry => entry.name).sort()
  return Promise.all(folders.map(async path => ({
    path, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: await readFile(join(FOLDER, path, 'migration.sql'), 'utf8') } }
  })))
}

// The engine leaves its connection open, and with it its own lock: what it opened is kept here to be closed.
const trackConnections = (databaseUrl: string): { factory: SqlMigrationAwareDriverAdapterFactory, close: () => Promise<unknown> } => {
  const adapter = new PrismaPg({ connectionString: databaseUrl, max: 1 })
  const opened: SqlDriverAdapter[] = []
  const connect = async (): Promise<SqlDriverAdapter> => {
    const connection = await adapter.connect()
    opened.push(connection)
    return connection
  }
  const connectToShadowDb = async (): Promise<SqlDriverAdapter> => adapter.connectToShadowDb()
  const { provider, adapterName } = adapter
  return { factory: { provider, adapterName, connect, connectToShadowDb }, close: () => Promise.all(opened.map(connection => connection.dispose())) }
}

// Prisma's own migration engine as WebAssembly: the native one would have to be downloaded. It writes the same table of applied
// migrations, so `prisma migrate deploy` can take over.
const applyMigrations = async (databaseUrl: string): Promise<string[]> => {
  const connections = trackConnections(databaseUrl)
  const adapter = bindMigrationAwareSqlAdapterFactory(connections.factory)
  const schema = await SchemaEngine.new({ datamodels: [['schema.prisma', await readFile(SCHEMA, 'utf8')]] }, () => {}, adapter)
  const lockfile = { path: 'migration_lock.toml', content: await readFile(join(FOLDER, 'migration_lock.toml'), 'utf8') }
  const migrationsList = { baseDir: dirname(FOLDER), lockfile, shadowDbInitScript: '', migrationDirectories: await readMigrations() }
  try {
    return (await schema.applyMigrations({ migrationsList, filters: { externalTables: [], externalEnums: [] } })).appliedMigrationNames
  } finally {
    schema.free()
    await connections.close()
  }
}

// A migration cut off by a crash is run again from its start: its statements allow for it.
const forgetUnfinished = async (db: Db): Promise<void> => {
  const [found] = await db.$queryRaw<{ known: boolean }[]>`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS known`
  if (found?.known === true) await db.$executeRaw`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL AND rolled_back_at IS NULL`
}

/**
 * Applies the migrations that are not applied yet and answers with their names. Safe to call again, and by two processes at once:
 * the second waits for the first. Throws a StoreUnreachable when Postgres does not answer.
 */
export const migrate = async (databaseUrl: string): Promise<string[]> => {
  const store = await openStore({ databaseUrl, connections: 2 })
  try {
    await store.ready()
    return await store.db.$transaction(async lock => {
      await lock.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK})`
      await forgetUnfinished(store.db)
      return applyMigrations(databaseUrl)
    }, { timeout: LOCK_DEADLINE_MS })
  } finally {
    await store.close()
  }
}
