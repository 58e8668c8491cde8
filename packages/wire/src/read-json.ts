import { refuse, type Read } from './reject.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

// Only text with such an escape can hold half a character (a title cut in the middle of an emoji).
const SURROGATE_ESCAPE = /\\u[dD]/

const mend = (_name: string, value: unknown): unknown => typeof value === 'string' ? value.toWellFormed() : value

const toWords = (error: unknown): string => {
  if (error instanceof RangeError) return 'it is nested too deep'
  return error instanceof Error ? error.message : String(error)
}

const findText = (data: Uint8Array): string | undefined => {
  try {
    return decoder.decode(data)
  } catch {
    return undefined
  }
}

/** Parses JSON text. Half a surrogate pair becomes U+FFFD; of two equal names the last counts. */
export const readJsonText = (text: string): Read => {
  if (text.trim() === '') return refuse('not_json', 'The body is empty: it must be a CloudEvent as JSON.')
  try {
    return { ok: true, value: SURROGATE_ESCAPE.test(text) ? JSON.parse(text, mend) : JSON.parse(text) }
  } catch (error) {
    return refuse('not_json', `The body is not JSON: ${toWords(error)}.`)
  }
}

/** Parses JSON bytes, with or without a byte order mark; bytes that are not UTF-8 are refused. */
export const readJson = (data: Uint8Array): Read => {
  const text = findText(data)
  return text === undefined ? refuse('not_json', 'The body is not UTF-8 text, so it is not JSON.') : readJsonText(text)
}
