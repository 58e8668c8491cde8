import { PrismaPg } from '@prisma/adapter-pg'
import { Pool } from 'pg'
import { PrismaClient, type Prisma } from './generated/client.ts'
import { StoreUnreachable, toUnreachable } from './unreachable.ts'

/** What the verbs of this package work on: the database, or one transaction of it. */
export type Db = Prisma.TransactionClient

/** Postgres, open. `db` connects when it is first used and again after an outage. */
export type Store = {
  db: PrismaClient
  /** Runs a statement of the recorder: hundreds of rows as one JSON text. Rejects with the driver's own error. */
  write: Write
  /** Resolves when Postgres answers; else throws a StoreUnreachable that says where it was looked for. */
  ready: () => Promise<void>
  /** Runs `work` in one transaction: all of it stands, or nothing. */
  transaction: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  close: () => Promise<void>
}

/** A statement with a name is planned once for each connection. */
export type Statement = { name: string, text: string }
export type Write = (statement: Statement, rows: string) => Promise<void>

export type StoreOptions = { databaseUrl: string, connections?: number }

const CONNECT_DEADLINE_MS = 5_000
const TRANSACTION_DEADLINE_MS = 15_000
const POSTGRES_URL = /^postgres(ql)?:\/\/[^/]+/

// A row waited for the default partition while the partition of its day was attached: asked again, it goes there (SQLSTATE 23514).
const isRerouted = (error: unknown): boolean => error instanceof Error && /violates partition constraint/.test(error.message)

/** Opens Postgres with at most `connections` connections (default 5). It does not wait for the server: ask `ready`. */
export const openStore = async ({ databaseUrl, connections = 5 }: StoreOptions): Promise<Store> => {
  if (!POSTGRES_URL.test(databaseUrl) || !URL.canParse(databaseUrl)) {
    throw new StoreUnreachable('The database URL is not of the form postgresql://user:password@host:port/database')
  }
  // The driver sends times without an offset, meaning UTC.
  const pool = new Pool({ connectionString: databaseUrl, max: connections, connectionTimeoutMillis: CONNECT_DEADLINE_MS, keepAlive: true, options: '-c TimeZone=UTC' })
  // A connection that breaks while it rests is replaced when the next one is asked for.
  pool.on('error', () => undefined)
  const transactionOptions = { maxWait: CONNECT_DEADLINE_MS, timeout: TRANSACTION_DEADLINE_MS }
  const db = new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions })
  const ready = async (): Promise<void> => {
    try {
      await db.$queryRaw`SELECT 1`
    } catch (error) {
      throw toUnreachable(databaseUrl, error)
    }
  }
  // Past Prisma's client, which would copy each batch of a megabyte twice as text (64 of 140 us per event, measured).
  const write: Write = async (statement, rows) => {
    const query = (): Promise<unknown> => pool.query({ ...statement, values: [rows] })
    await query().catch(error => { if (!isRerouted(error)) throw error; return query() })
  }
  const close = async (): Promise<void> => {
    await db.$disconnect()
    if (!pool.ended) await pool.end()
  }
  return { db, write, ready, transaction: work => db.$transaction(work), close }
}
