import { decodeJwt, errors, importSPKI, jwtVerify } from 'jose'
import { refuse, type Refusal } from './problems.ts'

const MODULE = 'connectors'
const ALGORITHM = 'EdDSA'

/** Whether a tenant may use the product now; undefined when it may. */
export type Licence = (tenant: string, now: Date) => Refusal | undefined

export type LicenceOptions = {
  /** A JWT signed with EdDSA: `modules` (must hold `connectors`), `exp`, and optionally `tenants`. */
  licence?: string | undefined
  /** PEM (SPKI) of the key that signs licences. */
  publicKey?: string | undefined
}

const isList = (value: unknown): value is string[] => Array.isArray(value) && value.every(item => typeof item === 'string')

const findFault = async (licence: string, publicKey: string): Promise<Refusal | undefined> => {
  try {
    // Expiry is looked at with each request, so it is not looked at here.
    const { exp } = decodeJwt(licence)
    await jwtVerify(licence, await importSPKI(publicKey.replaceAll('\\n', '\n'), ALGORITHM), { algorithms: [ALGORITHM], requiredClaims: ['exp'], currentDate: new Date(((exp ?? 1) - 1) * 1_000) })
    return undefined
  } catch (error) {
    const reason = error instanceof errors.JOSEError ? error.code : 'the key or the licence cannot be read'
    return refuse('TW_LICENCE_INVALID', `The licence is not valid (${reason}): check LICENCE and LICENCE_PUBLIC_KEY.`)
  }
}

/** Reads the signed licence once. It never throws: without a valid licence the service runs and refuses every request. */
export const openLicence = async ({ licence, publicKey }: LicenceOptions): Promise<Licence> => {
  if (licence === undefined || publicKey === undefined) return () => refuse('TW_LICENCE_MISSING', 'There is no licence: set LICENCE and LICENCE_PUBLIC_KEY.')
  const fault = await findFault(licence, publicKey)
  if (fault !== undefined) return () => fault
  const { exp = 0, modules, tenants } = decodeJwt(licence)
  return (tenant, now) => {
    if (!isList(modules) || !modules.includes(MODULE)) return refuse('TW_LICENCE_MISSING', `The licence does not include the module ${MODULE}.`)
    if (isList(tenants) && !tenants.includes(tenant)) return refuse('TW_LICENCE_MISSING', 'The licence does not include this tenant.')
    if (now.getTime() >= exp * 1_000) return refuse('TW_LICENCE_EXPIRED', `The licence expired at ${new Date(exp * 1_000).toISOString()}.`)
    return undefined
  }
}
