const SECONDS = /^\s*(\d{1,9})\s*$/

/**
 * When a `Retry-After` header (RFC 9110, section 10.2.3: seconds or an HTTP date) lets us come back, in ms since 1970;
 * undefined when it says nothing we understand.
 */
export const parseRetryAfter = (value: string | undefined, nowMs: number): number | undefined => {
  if (value === undefined) return undefined
  const [, seconds] = SECONDS.exec(value) ?? []
  if (seconds !== undefined) return nowMs + Number(seconds) * 1_000
  const dateMs = /[a-z]{3}/i.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(dateMs) ? undefined : dateMs
}
