import { createSecretKey, type KeyObject } from 'node:crypto'

/** VAULT_KEYS does not fit; `message` says which entry and what it should be, never a key. */
export class KeyringError extends Error {
  override name = 'KeyringError'
}

export const KEY_BYTES = 32
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/
const FORM = `<id>:<base64 of ${KEY_BYTES} bytes>, newest first, separated by commas`

const toKey = (base64: string, where: string): KeyObject => {
  const bytes = Buffer.from(base64, 'base64')
  // Buffer skips what is not base64: only a text that comes out the same was meant.
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === base64.replace(/=+$/, '')
  if (!isWhole) throw new KeyringError(`VAULT_KEYS, ${where}: the key is not base64 (make one with: openssl rand -base64 ${KEY_BYTES})`)
  if (bytes.length !== KEY_BYTES) throw new KeyringError(`VAULT_KEYS, ${where}: the key has ${bytes.length} bytes instead of ${KEY_BYTES} (make one with: openssl rand -base64 ${KEY_BYTES})`)
  return createSecretKey(bytes)
}

const parseEntry = (entry: string, index: number): [string, KeyObject] => {
  const [id = '', base64, ...rest] = entry.trim().split(':')
  if (base64 === undefined || rest.length > 0) throw new KeyringError(`VAULT_KEYS, entry ${index + 1}: expected ${FORM}`)
  if (!KEY_ID.test(id)) throw new KeyringError(`VAULT_KEYS, entry ${index + 1}: the id must be 1 to 32 of A-Z a-z 0-9 _ -`)
  return [id, toKey(base64, `key ${id}`)]
}

/** Keys by id, newest first, from the value of VAULT_KEYS. Throws a KeyringError. */
export const parseKeys = (value: string): ReadonlyMap<string, KeyObject> => {
  if (value.trim() === '') throw new KeyringError(`VAULT_KEYS is empty: expected ${FORM}`)
  const entries = value.split(',').map(parseEntry)
  const keys = new Map(entries)
  if (keys.size !== entries.length) throw new KeyringError('VAULT_KEYS names one id twice: each key needs an id of its own')
  return keys
}
