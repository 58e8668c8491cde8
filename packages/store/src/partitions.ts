import type { Db, Store } from './open.ts'

// Each table of the log and the column it is partitioned by.
const LOG = { events: 'received_at', deliveries: 'created_at', attempts: 'delivery_created_at', rejected: 'received_at' } as const
type LogTable = keyof typeof LOG
const TABLES = Object.keys(LOG).filter((name): name is LogTable => Object.hasOwn(LOG, name))

// Room on a page for the update that says how a delivery ended, so that no index has to learn of it.
const ROOM: Partial<Record<LogTable, string>> = { deliveries: ' WITH (fillfactor = 80)' }

const DAY_MS = 86_400_000
// A lock that is not had at once is left for the next run: a queue behind it would hold up every write.
const LOCK_DEADLINE = "SET LOCAL lock_timeout = '3s'"

const toDay = (time: Date | number): string => new Date(time).toISOString().slice(0, 10)
const toName = (table: LogTable, day: string): string => `${table}_${day.replaceAll('-', '')}`

const findPartitions = async (db: Db, table: LogTable): Promise<Map<string, string>> => {
  const rows = await db.$queryRaw<{ name: string }[]>`
    SELECT child.relname AS name FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = ${table}::regclass`
  const dated = rows.flatMap(({ name }) => {
    const [, year, month, date] = /_(\d{4})(\d{2})(\d{2})$/.exec(name) ?? []
    return year === undefined ? [] : [[`${year}-${month}-${date}`, name] as const]
  })
  return new Map(dated)
}

const findStrayDays = async (db: Db, table: LogTable): Promise<string[]> => {
  const rows = await db.$queryRawUnsafe<{ day: string }[]>(
    `SELECT DISTINCT to_char(${LOG[table]} AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM ${table}_default`)
  return rows.map(({ day }) => day)
}

// Rows of that day that the default partition took in move over: Postgres would refuse the new partition otherwise.
const addPartition = async (db: Db, table: LogTable, day: string): Promise<void> => {
  const name = toName(table, day)
  const [from, to] = [`${day} 00:00:00+00`, `${toDay(Date.parse(day) + DAY_MS)} 00:00:00+00`]
  const statements = [
    LOCK_DEADLINE,
    `LOCK TABLE ${table}_default IN ACCESS EXCLUSIVE MODE`,
    `CREATE TABLE ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)${ROOM[table] ?? ''}`,
    `WITH strays AS (DELETE FROM ${table}_default WHERE ${LOG[table]} >= '${from}' AND ${LOG[table]} < '${to}' RETURNING *) INSERT INTO ${name} SELECT * FROM strays`,
    `ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM ('${from}') TO ('${to}')`
  ]
  for (const statement of statements) await db.$executeRawUnsafe(statement)
}

/**
 * Makes a partition for yesterday, today, `daysAhead` days more, and each day whose rows the default partition took in meanwhile;
 * those rows move over. Answers with the names of the new ones. Safe to call again, and by two processes at once.
 */
export const ensurePartitions = async (store: Store, { daysAhead, now = new Date() }: { daysAhead: number, now?: Date }): Promise<string[]> => {
  const planned = Array.from({ length: daysAhead + 2 }, (_, index) => toDay(now.getTime() + (index - 1) * DAY_MS))
  const made: string[] = []
  for (const table of TABLES) {
    const strays = await findStrayDays(store.db, table)
    for (const day of new Set([...planned, ...strays])) {
      const isNew = await store.transaction(async db => {
        await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtext(${`partitions of ${table}`}))`
        if ((await findPartitions(db, table)).has(day)) return false
        await addPartition(db, table, day)
        return true
      })
      if (isNew) made.push(toName(table, day))
    }
  }
  return made
}

/**
 * Drops every partition that holds nothing younger than `olderThanDays` days and answers with their names. No row is deleted one by one,
 * so the space is free at once.
 */
export const dropPartitions = async (store: Store, { olderThanDays, now = new Date() }: { olderThanDays: number, now?: Date }): Promise<string[]> => {
  const keepFrom = toDay(now.getTime() - olderThanDays * DAY_MS)
  const dropped: string[] = []
  for (const table of TABLES) {
    const old = [...await findPartitions(store.db, table)].filter(([day]) => day < keepFrom)
    for (const [, name] of old) {
      await store.transaction(async db => {
        await db.$executeRawUnsafe(LOCK_DEADLINE)
        await db.$executeRawUnsafe(`DROP TABLE IF EXISTS ${name}`)
      })
      dropped.push(name)
    }
  }
  return dropped
}
