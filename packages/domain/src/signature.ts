import { createHmac } from 'node:crypto'

/** What a receiver verifies. `secrets`: the present one first, then one whose overlap has not ended. */
export type Signable = { id: string, timestampS: number, body: string, secrets: readonly string[] }

const WHSEC = /^whsec_([A-Za-z0-9+/]+={0,2})$/

// Standard Webhooks 1.0.0: a secret written `whsec_<base64>` means those bytes; any other text means its own UTF-8 bytes.
const toStandardKey = (secret: string): Buffer => {
  const [, base64] = WHSEC.exec(secret) ?? []
  return base64 === undefined ? Buffer.from(secret) : Buffer.from(base64, 'base64')
}

/**
 * Signature headers of a delivery: `X-TW-Signature: sha256=<hex HMAC-SHA256 of the raw body>` (specification, "Webhook Payload") and
 * `webhook-signature: v1,<base64>` over `id.timestamp.body` (Standard Webhooks 1.0.0), both by the same secret. While a rotated
 * secret overlaps, each carries both signatures, the present one first. Empty without a secret.
 */
export const toSignatureHeaders = ({ id, timestampS, body, secrets }: Signable): Record<string, string> => {
  if (secrets.length === 0) return {}
  const plain = secrets.map(secret => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
  const content = `${id}.${timestampS}.${body}`
  const standard = secrets.map(secret => `v1,${createHmac('sha256', toStandardKey(secret)).update(content).digest('base64')}`)
  return { 'X-TW-Signature': plain.join(','), 'webhook-signature': standard.join(' ') }
}
