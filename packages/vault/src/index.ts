// Owns the keys: what is sealed before it leaves the API's memory, and opened only by those who hold a key.
// Never does I/O, and never says a plain secret or a key in an error.
export { openKeyring, type Keyring, type SealContext, type Unsealed } from './keyring.ts'
export { KeyringError } from './parse-keys.ts'
