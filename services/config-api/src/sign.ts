import { randomUUID } from 'node:crypto'
import { SignJWT, exportSPKI, generateKeyPair } from 'jose'

export type TokenOptions = { tenant: string, actor: string, permissions?: string[], issuer: string, audience: string, sharedKey: string, expiresInS: number }

/** A token as an identity provider would sign it with a shared key (HS256): for the local start and for tests. */
export const signToken = ({ tenant, actor, permissions = ['MANAGE_SETTINGS'], issuer, audience, sharedKey, expiresInS }: TokenOptions): Promise<string> =>
  new SignJWT({ tenant, permissions })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(actor)
    .setIssuer(issuer)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresInS)
    .sign(new TextEncoder().encode(sharedKey))

export type LicenceClaims = { modules?: string[], tenants?: string[], expiresInS: number }

/** A licence and the PEM of the key it is signed with, made new each time: for the local start and for tests. */
export const signLicence = async ({ modules = ['connectors'], tenants, expiresInS }: LicenceClaims): Promise<{ licence: string, publicKey: string }> => {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true })
  const licence = await new SignJWT({ modules, ...(tenants === undefined ? {} : { tenants }) })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresInS)
    .sign(privateKey)
  return { licence, publicKey: await exportSPKI(publicKey) }
}
