import { Value } from '@sinclair/typebox/value'
import { Tenant } from '@tw/contracts'
import { hasControlCharacter } from '@tw/domain'
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import type { Licence } from './licence.ts'
import { done, refuse, type Refusal, type Result } from './problems.ts'

const PERMISSION = 'MANAGE_SETTINGS'
const CLOCK_TOLERANCE_S = 5
const TOKEN_CHARS_MAX = 8_192
const ACTOR_CHARS_MAX = 256

/** Who asks: every query is bound to `tenant`, every change is written down with `actor`. */
export type Caller = { tenant: string, actor: string }

export type AccessOptions = {
  issuer: string
  audience: string
  /** The one algorithm tokens may be signed with; `none` is never one. */
  algorithm: string
  /** A shared key (HS256), or else `jwksUrl`, where the identity provider publishes its keys. */
  sharedKey?: string | undefined
  jwksUrl?: string | undefined
  licence: Licence
  now: () => Date
}

/** Decides by a token who asks, or why nobody may. */
export type Access = (token: string | undefined) => Promise<Result<Caller>>

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i
const BASIC = /^Basic +([A-Za-z0-9+/=]+)$/i

/**
 * The bearer token (RFC 6750) of an `Authorization` header. With `basic` also the password of the Basic scheme: the way a browser can
 * bring a token to a page.
 */
export const findToken = (authorization: string, { basic }: { basic: boolean }): string | undefined =>
  BEARER.exec(authorization)?.[1] ?? (basic ? findPassword(BASIC.exec(authorization)?.[1] ?? '') : undefined)

const findPassword = (encoded: string): string | undefined => /:(.+)$/s.exec(Buffer.from(encoded, 'base64').toString())?.[1]

const toKey = ({ sharedKey, jwksUrl }: AccessOptions): JWTVerifyGetKey => {
  if (jwksUrl !== undefined) return createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 3_000 })
  const key = new TextEncoder().encode(sharedKey)
  return async () => key
}

// Everything jose says of a token is the caller's to mend, but for a key set that could not be fetched.
const toRefusal = (error: unknown): Refusal => {
  if (error instanceof errors.JWTExpired) return refuse('TW_TOKEN_EXPIRED', 'The token has expired: sign in again.')
  if (error instanceof errors.JWTClaimValidationFailed) return refuse('TW_TOKEN_INVALID', `The claim ${error.claim} of the token does not fit (${error.reason}).`)
  if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError) || error.constructor === errors.JOSEError) {
    return refuse('TW_UNAVAILABLE', 'The keys of the identity provider cannot be fetched: try again soon.')
  }
  return refuse('TW_TOKEN_INVALID', `The token is not valid (${error.code}).`)
}

const toCaller = (claims: JWTPayload): Result<Caller> => {
  const { tenant, permissions, sub } = claims
  if (!Value.Check(Tenant, tenant)) return refuse('TW_TOKEN_INVALID', 'The claim tenant of the token is no tenant id.')
  if (sub === undefined || sub === '' || hasControlCharacter(sub)) return refuse('TW_TOKEN_INVALID', 'The claim sub of the token names nobody.')
  if (!Array.isArray(permissions) || !permissions.includes(PERMISSION)) return refuse('TW_PERMISSION_MISSING', `The token does not carry the permission ${PERMISSION}.`)
  return done({ tenant, actor: sub.slice(0, ACTOR_CHARS_MAX) })
}

/** Checks signature, issuer, audience, expiry, permission and licence, in this order. The algorithm is ours to choose, never the token's. */
export const createAccess = (options: AccessOptions): Access => {
  const { issuer, audience, algorithm, licence, now } = options
  const key = toKey(options)
  return async token => {
    if (token === undefined) return refuse('TW_TOKEN_MISSING', 'Send the header "Authorization: Bearer <token>".')
    if (token.length > TOKEN_CHARS_MAX) return refuse('TW_TOKEN_INVALID', 'The token is too long.')
    try {
      const { payload } = await jwtVerify(token, key, {
        issuer, audience, algorithms: [algorithm], requiredClaims: ['exp', 'sub', 'tenant'], clockTolerance: CLOCK_TOLERANCE_S, currentDate: now()
      })
      const caller = toCaller(payload)
      return caller.ok ? licence(caller.value.tenant, now()) ?? caller : caller
    } catch (error) {
      return toRefusal(error)
    }
  }
}
