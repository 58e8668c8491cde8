/** Content types an event may come in; a message without one is JSON. */
export const CONTENT_TYPES = {
  json: 'application/cloudevents+json',
  protobuf: 'application/cloudevents+protobuf'
} as const

/** A content type without its parameters, in lower case. */
export const toMediaType = (contentType: string): string => (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
