import { Type, type Static, type TObject } from '@sinclair/typebox'
import { Value, type ValueError } from '@sinclair/typebox/value'

const port = (description: string, fallback: number) => Type.Integer({ description, minimum: 0, maximum: 65_535, default: fallback })

/** What every service reads: where NATS is, where its health is asked, how much it says. */
export const ServiceEnv = Type.Object({
  NATS_URL: Type.String({ description: 'nats://host:port, several separated by commas', minLength: 1 }),
  NATS_USER: Type.Optional(Type.String()),
  NATS_PASSWORD: Type.Optional(Type.String()),
  NATS_REPLICAS: Type.Integer({ description: 'Copies of each stream: 1 on a laptop, 3 on a cluster', minimum: 1, maximum: 5, default: 1 }),
  HEALTH_HOST: Type.String({ default: '0.0.0.0' }),
  HEALTH_PORT: port('Serves /healthz, /readyz and /metrics; 0 takes a free one', 8081),
  LOG_LEVEL: Type.Union(['silent', 'error', 'warn', 'info', 'debug'].map(level => Type.Literal(level)), { default: 'info' }),
  SHUTDOWN_GRACE_MS: Type.Integer({ description: 'Longest orderly end', minimum: 0, default: 30_000 }),
  DELIVERY_DEADLINE_MS: Type.Integer({ description: 'Longest attempt: resolve, connect, headers and body together', minimum: 50, maximum: 120_000, default: 15_000 })
})
export type ServiceEnv = Static<typeof ServiceEnv>

/** The environment does not fit: `message` names each variable and what it should be. */
export class EnvError extends Error {
  override name = 'EnvError'
}

// The value of such a variable never stands in an error.
const SECRET = /KEY|SECRET|PASSWORD|TOKEN|LICENCE/

const toExpected = ({ schema, message }: ValueError): string => Array.isArray(schema['anyOf'])
  ? `expected one of ${schema['anyOf'].map(choice => choice.const).join(', ')}`
  : message.toLowerCase()

const toSentence = (error: ValueError): string => {
  const name = error.path.slice(1)
  if (error.value === undefined) return `${name} is not set: ${error.schema.description ?? toExpected(error)}`
  return `${name} is ${SECRET.test(name) ? 'set, but not as it should be' : JSON.stringify(error.value)}: ${toExpected(error)}`
}

/**
 * Reads the environment once, converted and checked by `schema`; variables it does not name are left out.
 * Throws an EnvError naming each variable that does not fit.
 */
export const readEnv = <Schema extends TObject>(schema: Schema, source: Record<string, string | undefined> = process.env): Static<Schema> => {
  const named = Object.fromEntries(Object.keys(schema.properties).map(key => [key, source[key] === '' ? undefined : source[key]]))
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined))
  const env = Value.Convert(schema, Value.Default(schema, given))
  if (Value.Check(schema, env)) return env
  const problems = new Map([...Value.Errors(schema, env)].reverse().map(error => [error.path, toSentence(error)]))
  throw new EnvError(`The environment does not fit: ${[...problems.values()].reverse().join('; ')}.`)
}
