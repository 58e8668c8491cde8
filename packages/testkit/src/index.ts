// Owns the real parts tests run against: Postgres, NATS, far ends, examples.
// Never is a dependency of anything that ships.
export { findFreePort, openPostgres, type Postgres, type PostgresOptions } from './postgres.ts'
export { findNatsServer, openNats, type Nats, type NatsOptions } from './nats.ts'
export { createService, type Service, type ServiceOptions } from './service.ts'
export { AUDIENCE, ISSUER, createKeys, createLicence, createToken, type Keys } from './tokens.ts'
export { SERVICE_NAMES, createPlatform, openPlatform, type Platform, type PlatformOptions, type ServiceName } from './platform.ts'
export { example } from './examples.ts'
export { openFarEnd, type FarEnd, type FarEndAnswer, type FarEndOptions, type Received } from './far-end.ts'
export { CERTIFICATE } from './certificate.ts'
export { sampleAttempt, sampleDelivery } from './log-entries.ts'
export { until } from './until.ts'
