import { Value } from '@sinclair/typebox/value'
import { RETRY_COUNT_DEFAULT, SECRET_HEADER, config as Config } from '@tw/connectors/webhook/manifest'
import { hasControlCharacter, stripHtmlTags } from '@tw/domain'
import type { IntegrationRow } from '@tw/store'
import type { Ports } from '../ports.ts'
import { done, refuse, refuseFields, type FieldError, type Result } from '../problems.ts'
import { findHeaderErrors } from './headers.ts'
import { MASK, toHeaderField, type WebhookChange } from './webhook.ts'

/** What a body asks for. */
export type Draft = WebhookChange

type Sealed = Record<string, string>
type Seal = (field: string, plain: string) => string
type Settings = Pick<IntegrationRow, 'config' | 'sealed' | 'rotatedUntil'>

const findNameErrors = ({ name }: Draft): FieldError[] => {
  if (name === undefined) return []
  if (hasControlCharacter(name)) return [{ pointer: '/name', detail: 'holds a control character or a line break' }]
  return stripHtmlTags(name).trim() === '' ? [{ pointer: '/name', detail: 'holds nothing besides HTML tags and blanks' }] : []
}

const findControlErrors = (draft: Draft): FieldError[] => (['url', 'secret'] as const)
  .filter(field => hasControlCharacter(draft[field] ?? ''))
  .map(field => ({ pointer: `/${field}`, detail: 'holds a control character or a line break' }))

/** What is wrong with the fields by themselves; nothing outside is asked. */
export const findDraftErrors = (draft: Draft, sealed: Sealed): FieldError[] => [
  ...findNameErrors(draft),
  ...findControlErrors(draft),
  ...(draft.secret === MASK && sealed['secret'] === undefined ? [{ pointer: '/secret', detail: `is ${MASK}, but no secret is stored: send the secret itself` }] : []),
  ...findHeaderErrors(draft.headers ?? {}, field => sealed[field] !== undefined)
]

// A parsed URL may still hold characters no URI has (RFC 3986), which the contract of deliveries refuses.
const toUri = (url: string): string => url.replace(/[|^`{}"<>\\]/g, encodeURIComponent)

const checkTarget = async (checkUrl: Ports['checkUrl'], url: string): Promise<Result<string>> => {
  const checked = await checkUrl(url)
  if (checked.kind === 'refused') return refuse('TW_URL_REFUSED', checked.detail, [{ pointer: '/url', detail: `${checked.code}: ${checked.detail}` }])
  const uri = toUri(checked.url)
  return Value.Check(Config.properties.url, uri) ? done(uri) : refuseFields([{ pointer: '/url', detail: 'is not a URL of at most 2048 characters' }])
}

// A URL that stays as it is was let through before, and is looked at again whenever something is delivered to it.
const findTarget = async ({ url }: Draft, { config: { url: stored } }: Settings, checkUrl: Ports['checkUrl']): Promise<Result<unknown>> =>
  url === undefined || url === stored ? done(stored) : await checkTarget(checkUrl, url)

const isHeaderField = (field: string): boolean => field.startsWith('headers.')
const pick = (sealed: Sealed, keep: (field: string) => boolean): Sealed => Object.fromEntries(Object.entries(sealed).filter(([field]) => keep(field)))

const sealHeaders = ({ headers }: Draft, before: Settings, seal: Seal): Settings => {
  if (headers === undefined) return before
  const entries = Object.entries(headers).map(([name, value]) => [name, value.trim()] as const)
  const secrets = entries.filter(([name]) => SECRET_HEADER.test(name)).map(([name, value]) => {
    const field = toHeaderField(name)
    return [field, value === MASK ? before.sealed[field] ?? '' : seal(field, value)]
  })
  const plain = Object.fromEntries(entries.filter(([name]) => !SECRET_HEADER.test(name)))
  const others = pick(before.sealed, field => !isHeaderField(field))
  return { ...before, config: { ...before.config, headers: plain }, sealed: { ...others, ...Object.fromEntries(secrets) } }
}

const sealSecret = ({ secret }: Draft, before: Settings, seal: Seal): Settings => {
  if (secret === undefined || secret === MASK) return before
  const { previousSecretUntil: _ended, ...config } = before.config
  const sealed = pick(before.sealed, field => field !== 'secret' && field !== 'previousSecret')
  return { config, sealed: secret === null ? sealed : { ...sealed, secret: seal('secret', secret) }, rotatedUntil: null }
}

const EMPTY: Settings = { config: { retryCount: RETRY_COUNT_DEFAULT }, sealed: {}, rotatedUntil: null }

/**
 * The settings a draft makes of those before: checked, its URL let through by the guard, its secrets sealed. A secret that is replaced
 * stops signing at once; only rotation lets two overlap.
 */
export const toSettings = async (draft: Draft, before: Settings | undefined, { checkUrl, seal }: { checkUrl: Ports['checkUrl'], seal: Seal }): Promise<Result<Settings>> => {
  const start = before ?? EMPTY
  const faults = findDraftErrors(draft, start.sealed)
  if (faults.length > 0) return refuseFields(faults)
  const url = await findTarget(draft, start, checkUrl)
  if (!url.ok) return url
  const { retryCount } = draft
  const settings = sealHeaders(draft, sealSecret(draft, start, seal), seal)
  return done({ ...settings, config: { ...settings.config, url: url.value, ...(retryCount === undefined ? {} : { retryCount }) } })
}

/** The name as it is kept. */
export const toName = (name: string): string => stripHtmlTags(name).trim()
