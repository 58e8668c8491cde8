import type { AuditRow, IntegrationRow } from '@tw/store'
import { MASK, toWebhook } from '../webhooks/webhook.ts'

type Changes = AuditRow['changes']

const SHOWN = ['name', 'url', 'events', 'headers', 'retryCount', 'enabled', 'disabledReason', 'previousSecretUntil'] as const

const toShown = (row: IntegrationRow | undefined): Record<string, unknown> => {
  if (row === undefined) return {}
  const webhook = toWebhook(row)
  return Object.fromEntries(SHOWN.map(field => [field, webhook[field]]))
}

const differ = (one: unknown, other: unknown): boolean => JSON.stringify(one) !== JSON.stringify(other)
const toMask = (sealed: string | undefined): string | null => sealed === undefined ? null : MASK

const compare = (before: Record<string, unknown>, after: Record<string, unknown>, toValue: (value: unknown) => unknown): Changes => {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(field => differ(before[field], after[field]))
  return Object.fromEntries(fields.map(field => [field, { from: toValue(before[field]), to: toValue(after[field]) }]))
}

/**
 * What a change made of a webhook, field by field; undefined stands for one that is not there yet or no more. Of a secret it tells that
 * it changed, never what it is.
 */
export const toChanges = (before: IntegrationRow | undefined, after: IntegrationRow | undefined): Changes => ({
  ...compare(toShown(before), toShown(after), value => value ?? null),
  ...compare(before?.sealed ?? {}, after?.sealed ?? {}, value => toMask(typeof value === 'string' ? value : undefined))
})
