import type { Rejection, RejectionReason } from '@tw/contracts'

/** Characters of `detail`: it travels in a header and stands in a list. */
export const DETAIL_CHARS_MAX = 500

// What an emitter wrote is quoted to people: only letters, digits, signs and blanks of it, and nothing that opens a tag.
const HARMFUL = /[<>]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu

/** Text that can stand in a header, a log and a page: control, bidirectional and broken characters become `?`. */
export const toHarmless = (text: string, charsMax: number): string => {
  const kept = text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text
  return kept.replace(HARMFUL, '?')
}

/** Something read, or why it cannot be. */
export type Read = { ok: true, value: unknown } | { ok: false, rejection: Rejection }

export const toRejection = (reason: RejectionReason, detail: string): Rejection => ({ reason, detail: toHarmless(detail, DETAIL_CHARS_MAX) })

export const refuse = (reason: RejectionReason, detail: string): { ok: false, rejection: Rejection } =>
  ({ ok: false, rejection: toRejection(reason, detail) })
