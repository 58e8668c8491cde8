// Secrets at rest. Guarantees: AES-256-GCM with a fresh 96-bit nonce each time; a sealed secret opens only for the tenant, integration
// and field it was sealed for; several keys open, the newest seals; opening never throws and never tells what is inside.
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto'

/** Whose secret it is: bound into the seal, so a secret copied to another row does not open. */
export type SealContext = { tenant: string, integrationId: string, field: string }

export type Unsealed = { ok: true, plain: string } | { ok: false, reason: 'malformed' | 'unknown_key' | 'tampered' }

export type Keyring = {
  /** `v1.<key id>.<nonce>.<ciphertext and tag>`, the last two base64url. */
  seal: (plain: string, context: SealContext) => string
  unseal: (sealed: string, context: SealContext) => Unsealed
  isSealedWithNewest: (sealed: string) => boolean
  /** The same secret sealed with the newest key. */
  reseal: (sealed: string, context: SealContext) => { ok: true, sealed: string } | Extract<Unsealed, { ok: false }>
}

/** The keys do not fit: `message` says which and how they are written. Never holds a key. */
export class KeyringError extends Error {
  override name = 'KeyringError'
}

const ENTRY = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)$/
const SEALED = /^v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/
const NONCE_BYTES = 12
const TAG_BYTES = 16

// Every part has its length before it, so no two contexts give the same bytes.
const toAad = ({ tenant, integrationId, field }: SealContext): Buffer =>
  Buffer.from([tenant, integrationId, field].map(part => `${part.length}:${part}`).join('|'))

const parseKeys = (keys: string): [string, KeyObject][] => {
  const parsed = keys.split(',').map((entry, index): [string, KeyObject] => {
    const [, id, base64] = ENTRY.exec(entry.trim()) ?? []
    if (id === undefined || base64 === undefined) throw new KeyringError(`Key ${index + 1} of VAULT_KEYS is not "<id>:<base64 of 32 bytes>": make one with openssl rand -base64 32`)
    return [id, createSecretKey(Buffer.from(base64, 'base64'))]
  })
  const twice = parsed.find(([id], index) => parsed.findIndex(([other]) => other === id) !== index)
  if (twice !== undefined) throw new KeyringError(`Key ${twice[0]} stands twice in VAULT_KEYS`)
  return parsed
}

const open = (key: KeyObject, { nonce, body, context }: { nonce: string, body: string, context: SealContext }): Unsealed => {
  const bytes = Buffer.from(body, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), { authTagLength: TAG_BYTES })
  decipher.setAAD(toAad(context)).setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return { ok: true, plain: Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString() }
  } catch {
    return { ok: false, reason: 'tampered' }
  }
}

/** Reads `VAULT_KEYS`: `<id>:<base64 of 32 bytes>`, several separated by commas, the newest first. Throws a KeyringError. */
export const openKeyring = (keys: string): Keyring => {
  const parsed = parseKeys(keys)
  const byId = new Map(parsed)
  const [newest] = parsed
  if (newest === undefined) throw new KeyringError('VAULT_KEYS is empty')
  const [newestId, newestKey] = newest

  const seal: Keyring['seal'] = (plain, context) => {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', newestKey, nonce, { authTagLength: TAG_BYTES }).setAAD(toAad(context))
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return `v1.${newestId}.${nonce.toString('base64url')}.${body.toString('base64url')}`
  }
  const unseal: Keyring['unseal'] = (sealed, context) => {
    const [, id, nonce, body] = SEALED.exec(sealed) ?? []
    if (id === undefined || nonce === undefined || body === undefined) return { ok: false, reason: 'malformed' }
    const key = byId.get(id)
    return key === undefined ? { ok: false, reason: 'unknown_key' } : open(key, { nonce, body, context })
  }
  return {
    seal,
    unseal,
    isSealedWithNewest: sealed => SEALED.exec(sealed)?.[1] === newestId,
    reseal: (sealed, context) => {
      const opened = unseal(sealed, context)
      return opened.ok ? { ok: true, sealed: seal(opened.plain, context) } : opened
    }
  }
}
