import { createHmac, createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** The keys of one installation: what seals secrets, signs tokens and signs the licence. */
export type Keys = { vaultKeys: string, tokenKey: string, licencePrivateKey: string, licencePublicKey: string }

/** New keys, at random. */
export const createKeys = (): Keys => {
  const licence = generateKeyPairSync('ed25519', { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } })
  return {
    vaultKeys: `k1:${randomBytes(32).toString('base64')}`,
    tokenKey: randomBytes(48).toString('base64url'),
    licencePrivateKey: licence.privateKey,
    licencePublicKey: licence.publicKey
  }
}

export const ISSUER = 'https://threatweaver.example/local'
export const AUDIENCE = 'threatweaver-integrations'

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const nowS = (): number => Math.floor(Date.now() / 1_000)

/** A bearer token (RFC 7519, HS256) of the local issuer; any claim can be set otherwise. */
export const createToken = ({ tokenKey }: Pick<Keys, 'tokenKey'>, claims: Record<string, unknown> = {}): string => {
  const whole = { iss: ISSUER, aud: AUDIENCE, sub: 'local-admin', tenant: 'default', permissions: ['MANAGE_SETTINGS'], iat: nowS(), exp: nowS() + 30 * 86_400, ...claims }
  const content = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(whole)}`
  return `${content}.${createHmac('sha256', tokenKey).update(content).digest('base64url')}`
}

/** A licence (RFC 7519, EdDSA) for the module `connectors`; any claim can be set otherwise. */
export const createLicence = ({ licencePrivateKey }: Pick<Keys, 'licencePrivateKey'>, claims: Record<string, unknown> = {}): string => {
  const content = `${encode({ alg: 'EdDSA', typ: 'JWT' })}.${encode({ iss: 'threatweaver', modules: ['connectors'], iat: nowS(), exp: nowS() + 365 * 86_400, ...claims })}`
  return `${content}.${sign(null, Buffer.from(content), createPrivateKey(licencePrivateKey)).toString('base64url')}`
}
