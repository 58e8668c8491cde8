import { randomBytes } from 'node:crypto'
import { Type, type Static } from '@sinclair/typebox'
import { findWithExpiredSecret, type IntegrationRow } from '@tw/store'
import type { Caller } from '../access.ts'
import type { Ports } from '../ports.ts'
import { done, refuseFields, type Result } from '../problems.ts'
import { Time } from '../schemas.ts'
import { hasControlCharacter } from '@tw/domain'
import { createChange } from './change.ts'
import { createProject } from './project.ts'
import { MASK } from './webhook.ts'

/** How long both secrets sign after a rotation. */
const OVERLAP_MS = 24 * 3_600_000
const SECRET_BYTES = 32

export const RotationRequest = Type.Object({
  secret: Type.Optional(Type.String({ minLength: 1, maxLength: 256, writeOnly: true, description: 'The new secret; one is made if absent' }))
}, { additionalProperties: false })
export type RotationRequest = Static<typeof RotationRequest>

export const Rotation = Type.Object({
  secret: Type.Optional(Type.String({ description: 'The new secret, if it was made here: shown this once' })),
  previousSecretUntil: Type.Union([Time('Until then deliveries carry both signatures'), Type.Null()])
}, { $id: 'Rotation' })
export type Rotation = Static<typeof Rotation>

export type Rotations = {
  /** Puts a new secret in place; the one before signs as well for 24 h. */
  rotate: (caller: Caller, id: string, request: RotationRequest) => Promise<Result<Rotation>>
  /** Takes away secrets whose overlap has ended. */
  forgetPrevious: () => Promise<void>
}

// Standard Webhooks 1.0.0: `whsec_` and the base64 of 24 to 64 random bytes.
const newSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`

const isUnfit = (secret: string): boolean => secret === MASK || hasControlCharacter(secret)
const UNFIT = refuseFields([{ pointer: '/secret', detail: `holds a control character, or is ${MASK}: send the secret itself` }])

const toOverlap = ({ rotatedUntil }: IntegrationRow): Pick<Rotation, 'previousSecretUntil'> =>
  ({ previousSecretUntil: rotatedUntil === null ? null : rotatedUntil.toISOString() })

const withoutPrevious = (row: IntegrationRow): IntegrationRow => {
  const { previousSecret: _sealed, ...sealed } = row.sealed
  const { previousSecretUntil: _until, ...config } = row.config
  return { ...row, sealed, config, rotatedUntil: null }
}

export const createRotations = (ports: Ports): Rotations => {
  const { store, vault, now } = ports
  const change = createChange(ports, createProject(ports))

  // A secret that no key opens any more cannot sign either: it is replaced without overlap.
  const toPrevious = ({ tenant, id, sealed }: IntegrationRow): string | undefined => {
    const opened = sealed['secret'] === undefined ? undefined : vault.unseal(sealed['secret'], { tenant, integrationId: id, field: 'secret' })
    return opened?.ok === true ? vault.seal(opened.plain, { tenant, integrationId: id, field: 'previousSecret' }) : undefined
  }

  const toRotated = (row: IntegrationRow, secret: string): IntegrationRow => {
    const plain = withoutPrevious(row)
    const previous = toPrevious(row)
    const sealed = { ...plain.sealed, secret: vault.seal(secret, { tenant: row.tenant, integrationId: row.id, field: 'secret' }) }
    if (previous === undefined) return { ...plain, sealed }
    const until = new Date(now().getTime() + OVERLAP_MS)
    return { ...plain, sealed: { ...sealed, previousSecret: previous }, config: { ...plain.config, previousSecretUntil: until.toISOString() }, rotatedUntil: until }
  }

  return {
    rotate: async (caller, id, { secret: given }) => {
      if (given !== undefined && isUnfit(given)) return UNFIT
      const secret = given ?? newSecret()
      const changed = await change({ caller, id, action: 'webhook.secret_rotated' }, async row => done(toRotated(row, secret)))
      return changed.ok ? done({ ...(given === undefined ? { secret } : {}), ...toOverlap(changed.value) }) : changed
    },

    forgetPrevious: async () => {
      for (const { tenant, id } of await findWithExpiredSecret(store.db, now())) {
        await change({ caller: { tenant, actor: 'system' }, id, action: 'webhook.previous_secret_ended' }, async row =>
          done(row.rotatedUntil !== null && row.rotatedUntil <= now() ? withoutPrevious(row) : row))
      }
    }
  }
}
