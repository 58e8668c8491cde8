import { Type, type Static } from '@sinclair/typebox'
import { secret, type Manifest } from '@tw/connector-kit'

/** Retries a failed delivery gets when the webhook does not say (specification, "Retry Logic"). */
export const RETRY_COUNT_DEFAULT = 3

/** Custom headers whose values are secrets by their name: sealed, masked in the log, never read back. */
export const SECRET_HEADER = /auth|token|key|secret|cookie|password|credential|signature/i

export const config = Type.Object({
  url: Type.String({ title: 'Target URL', description: 'Receives an HTTP POST for each event', format: 'uri', maxLength: 2_048 }),
  secret: Type.Optional(secret({ title: 'Secret', description: 'Signs each delivery with HMAC-SHA256', maxLength: 256 })),
  headers: Type.Optional(Type.Record(Type.String(), Type.String(), { title: 'Headers', description: 'Sent with each delivery' })),
  retryCount: Type.Integer({ title: 'Retries', description: 'Retries after a failed delivery', minimum: 0, maximum: 9, default: RETRY_COUNT_DEFAULT }),
  previousSecret: Type.Optional(secret({ title: 'Previous secret', description: 'Signs as well until the overlap ends' })),
  previousSecretUntil: Type.Optional(Type.String({ title: 'End of overlap', format: 'date-time' }))
}, { additionalProperties: false })
export type Config = Static<typeof config>

export const manifest = { id: 'webhook', title: 'Custom webhook', config } as const satisfies Manifest
