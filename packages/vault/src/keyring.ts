// Sealed values: `v1.<key id>.<base64url iv>.<base64url ciphertext and tag>`, AES-256-GCM (NIST SP 800-38D) with a random 96-bit iv.
// Guarantees: a sealed value opens only with its key and only in its place (tenant, integration, field), so a value copied to another
// row or changed in one bit does not open; opening never throws, and no error holds a secret.
import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto'
import { KeyringError, parseKeys } from './parse-keys.ts'

/** The place a secret belongs to. */
export type SealContext = { tenant: string, integrationId: string, field: string }

/**
 * malformed: not a sealed value · unknown_key: sealed with a key that is not in VAULT_KEYS · tampered: changed, or sealed for another place,
 * or the key of that id is another one.
 */
export type Unsealed = { ok: true, plain: string } | { ok: false, reason: 'malformed' | 'unknown_key' | 'tampered' }

export type Keyring = {
  /** Seals with the newest key. `plain` is well-formed text (no lone surrogates). */
  seal: (plain: string, context: SealContext) => string
  unseal: (sealed: string, context: SealContext) => Unsealed
  isSealedWithNewest: (sealed: string) => boolean
  /** The same secret sealed with the newest key; `plain` is not said. */
  reseal: (sealed: string, context: SealContext) => { ok: true, sealed: string } | Extract<Unsealed, { ok: false }>
}

const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
const SEALED = /^v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/

// JSON keeps the parts apart: no two places give the same bytes.
const toBound = (keyId: string, { tenant, integrationId, field }: SealContext): Buffer =>
  Buffer.from(JSON.stringify(['v1', keyId, tenant, integrationId, field]))

type Parts = { keyId: string, iv: Buffer, ciphertext: Buffer, tag: Buffer }

// The last character of a base64url text has spare bits: only the one canonical spelling is a sealed value.
const toBytes = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

const findParts = (sealed: string): Parts | undefined => {
  const [, keyId, iv = '', body = ''] = SEALED.exec(sealed) ?? []
  const bytes = toBytes(iv + body)
  if (keyId === undefined || bytes === undefined) return undefined
  return { keyId, iv: bytes.subarray(0, IV_BYTES), ciphertext: bytes.subarray(IV_BYTES, -TAG_BYTES), tag: bytes.subarray(-TAG_BYTES) }
}

const open = (key: KeyObject, { keyId, iv, ciphertext, tag }: Parts, context: SealContext): Unsealed => {
  try {
    const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(toBound(keyId, context)).setAuthTag(tag)
    return { ok: true, plain: Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString() }
  } catch {
    return { ok: false, reason: 'tampered' }
  }
}

/** Reads VAULT_KEYS (`k2:<base64 of 32 bytes>,k1:<base64>`, newest first). Throws a KeyringError that says what is wrong with it. */
export const openKeyring = (value: string): Keyring => {
  const keys = parseKeys(value)
  const [newest] = keys
  if (newest === undefined) throw new KeyringError('VAULT_KEYS holds no key')
  const [newestId, newestKey] = newest

  const seal = (plain: string, context: SealContext): string => {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv(CIPHER, newestKey, iv, { authTagLength: TAG_BYTES }).setAAD(toBound(newestId, context))
    const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return `v1.${newestId}.${iv.toString('base64url')}.${body.toString('base64url')}`
  }

  const unseal = (sealed: string, context: SealContext): Unsealed => {
    const parts = findParts(sealed)
    if (parts === undefined) return { ok: false, reason: 'malformed' }
    const key = keys.get(parts.keyId)
    return key === undefined ? { ok: false, reason: 'unknown_key' } : open(key, parts, context)
  }

  return {
    seal,
    unseal,
    isSealedWithNewest: sealed => findParts(sealed)?.keyId === newestId,
    reseal: (sealed, context) => {
      const opened = unseal(sealed, context)
      return opened.ok ? { ok: true, sealed: seal(opened.plain, context) } : opened
    }
  }
}
