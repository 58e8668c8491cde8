import { Type, type Static } from '@sinclair/typebox'
import { GuardEnv } from '@tw/egress/guard'
import { EnvError, ServiceEnv } from '@tw/runtime'

// Symmetric for a shared key, asymmetric for a key set: a token can never choose to be checked with a public key as if it were shared.
const SHARED = ['HS256', 'HS384', 'HS512']
const PUBLISHED = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']

/** What the API reads. */
export const ConfigApiEnv = Type.Composite([ServiceEnv, GuardEnv, Type.Object({
  DATABASE_URL: Type.String({ description: 'postgresql://user:password@host:port/database', minLength: 1 }),
  VAULT_KEYS: Type.String({ description: 'Keys that seal secrets, newest first: <id>:<base64 of 32 bytes>, ...', minLength: 1 }),
  API_HOST: Type.String({ default: '0.0.0.0' }),
  API_PORT: Type.Integer({ description: 'Serves /api/integrations; 0 takes a free one', minimum: 0, maximum: 65_535, default: 8080 }),
  JWT_ISSUER: Type.String({ description: 'Claim iss of tokens', minLength: 1 }),
  JWT_AUDIENCE: Type.String({ description: 'Claim aud of tokens', minLength: 1 }),
  JWT_ALGORITHM: Type.String({ description: 'The one algorithm of tokens', enum: [...SHARED, ...PUBLISHED], default: 'HS256' }),
  JWT_SHARED_KEY: Type.Optional(Type.String({ description: 'Key of HS256, HS384 or HS512', minLength: 32 })),
  JWT_JWKS_URL: Type.Optional(Type.String({ description: 'Where the identity provider publishes its keys', format: 'uri' })),
  LICENCE: Type.Optional(Type.String({ description: 'Signed licence (JWT, EdDSA)' })),
  LICENCE_PUBLIC_KEY: Type.Optional(Type.String({ description: 'PEM of the key that signs licences' }))
})])
export type ConfigApiEnv = Static<typeof ConfigApiEnv>

/** The environment if it says how tokens are checked; else throws an EnvError that tells what to set. */
export const requireTokenKey = (env: ConfigApiEnv): ConfigApiEnv => {
  const shared = SHARED.includes(env.JWT_ALGORITHM)
  if (!shared && !PUBLISHED.includes(env.JWT_ALGORITHM)) throw new EnvError(`JWT_ALGORITHM is ${JSON.stringify(env.JWT_ALGORITHM)}: set one of ${[...SHARED, ...PUBLISHED].join(', ')}.`)
  if (shared && env.JWT_SHARED_KEY === undefined) throw new EnvError(`JWT_SHARED_KEY is not set: ${env.JWT_ALGORITHM} needs it (at least 32 characters).`)
  if (!shared && env.JWT_JWKS_URL === undefined) throw new EnvError(`JWT_JWKS_URL is not set: ${env.JWT_ALGORITHM} needs the keys of the identity provider.`)
  return env
}
