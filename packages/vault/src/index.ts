// Owns the keys: what is sealed at rest is sealed and opened here.
// Never stores anything, and never logs what it opens.
export { KeyringError, openKeyring, type Keyring, type SealContext, type Unsealed } from './keyring.ts'
