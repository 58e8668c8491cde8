// Owns the real parts tests run against: Postgres, NATS, far ends, examples.
// Never is a dependency of anything that ships.
export { findFreePort, openPostgres, type Postgres, type PostgresOptions } from './postgres.ts'
export { findNatsServer, openNats, type Nats } from './nats.ts'
