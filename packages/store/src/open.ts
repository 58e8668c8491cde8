import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient, type Prisma } from './generated/client.ts'
import { StoreUnreachable, toUnreachable } from './unreachable.ts'

/** What the verbs of this package work on: the database, or one transaction of it. */
export type Db = Prisma.TransactionClient

/** Postgres, open. `db` connects when it is first used and again after an outage. */
export type Store = {
  db: PrismaClient
  /** Resolves when Postgres answers; else throws a StoreUnreachable that says where it was looked for. */
  ready: () => Promise<void>
  /** Runs `work` in one transaction: all of it stands, or nothing. */
  transaction: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  close: () => Promise<void>
}

export type StoreOptions = { databaseUrl: string, connections?: number }

const CONNECT_DEADLINE_MS = 5_000
const TRANSACTION_DEADLINE_MS = 15_000
const POSTGRES_URL = /^postgres(ql)?:\/\/[^/]+/

/** Opens Postgres with at most `connections` connections (default 5). It does not wait for the server: ask `ready`. */
export const openStore = async ({ databaseUrl, connections = 5 }: StoreOptions): Promise<Store> => {
  if (!POSTGRES_URL.test(databaseUrl) || !URL.canParse(databaseUrl)) {
    throw new StoreUnreachable('The database URL is not of the form postgresql://user:password@host:port/database')
  }
  // The driver sends times without an offset, meaning UTC.
  const pool = { connectionString: databaseUrl, max: connections, connectionTimeoutMillis: CONNECT_DEADLINE_MS, keepAlive: true, options: '-c TimeZone=UTC' }
  const transactionOptions = { maxWait: CONNECT_DEADLINE_MS, timeout: TRANSACTION_DEADLINE_MS }
  const db = new PrismaClient({ adapter: new PrismaPg(pool), transactionOptions })
  const ready = async (): Promise<void> => {
    try {
      await db.$queryRaw`SELECT 1`
    } catch (error) {
      throw toUnreachable(databaseUrl, error)
    }
  }
  return { db, ready, transaction: work => db.$transaction(work), close: () => db.$disconnect() }
}
