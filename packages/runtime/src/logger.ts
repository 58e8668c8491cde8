import { pino } from 'pino'

/** What services say. One canonical line per attempt; secrets never reach it. */
export type Logger = {
  debug: (fields: object, message: string) => void
  info: (fields: object, message: string) => void
  warn: (fields: object, message: string) => void
  error: (fields: object, message: string) => void
}

// Fields that would hold a secret if somebody logged a whole configuration or request.
const REDACTED = ['secret', 'password', 'token', 'authorization', 'Authorization', 'sealed', 'NATS_PASSWORD', 'VAULT_KEYS', 'DATABASE_URL', 'JWT_SHARED_KEY']
  .flatMap(name => [name, `*.${name}`, `*.*.${name}`])

/** JSON lines on standard output, each with the service's name. */
export const createLogger = (service: string, level: string): Logger =>
  pino({ level, base: { service }, redact: { paths: REDACTED, censor: '[redacted]' }, timestamp: pino.stdTimeFunctions.isoTime })
