import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Event, EventType } from '@tw/contracts'

const read = (type: EventType): Event =>
  JSON.parse(readFileSync(fileURLToPath(import.meta.resolve(`@tw/proto/examples/${type}.json`)), 'utf8'))

/** The golden example of an event type, fresh at each call; `overrides` replace attributes, those of `data` field by field. */
export const example = (type: EventType, overrides: Partial<Event> = {}): Event => {
  const event = read(type)
  return { ...event, ...overrides, data: { ...event.data, ...overrides.data } }
}
