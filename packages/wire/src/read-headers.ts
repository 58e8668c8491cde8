import { readJson } from './read-json.ts'
import type { Read } from './reject.ts'

export type FindHeader = (name: string) => string | undefined

const ATTRIBUTES = ['specversion', 'id', 'source', 'type', 'time', 'subject', 'dataschema', 'datacontenttype', 'traceparent', 'tracestate']

const decodeHeader = (value: string): string => {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** Whether the attributes stand in headers `ce-…` and the body is the data alone. */
export const isBinaryMode = (header: FindHeader): boolean => header('ce-specversion') !== undefined || header('ce-id') !== undefined

/**
 * Reads binary mode of the NATS protocol binding for CloudEvents: values are percent-encoded, the body is JSON. A message tells only
 * the headers one asks for, so extensions of an emitter's own do not come along.
 * https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md
 */
export const readHeaders = (header: FindHeader, body: Uint8Array): Read => {
  const data = readJson(body)
  if (!data.ok) return data
  const attributes = ATTRIBUTES.flatMap(name => {
    const value = header(`ce-${name}`)
    return value === undefined ? [] : [[name, decodeHeader(value)] as const]
  })
  return { ok: true, value: { ...Object.fromEntries(attributes), data: data.value } }
}
