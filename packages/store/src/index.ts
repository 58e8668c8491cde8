// Owns Postgres: schema, migrations, partitions, one file of verbs for each table.
// Never decides anything about an event or a delivery, and knows no HTTP and no NATS.
export { openStore, type Db, type Store, type StoreOptions } from './open.ts'
export { StoreUnreachable, isUnreachable } from './unreachable.ts'
export { dropPartitions, ensurePartitions } from './partitions.ts'
