import { readFileSync } from 'node:fs'
import { EVENT_TYPES, type EventType } from '@tw/contracts'
import { toAsyncapi } from './asyncapi.ts'
import { toEventSchema, type Json } from './json-schemas.ts'

/** The golden example of an event type. */
export const findExample = (type: EventType): Json =>
  JSON.parse(readFileSync(new URL(`examples/${type}.json`, import.meta.url), 'utf8'))

const toText = (document: Json): string => `${JSON.stringify(document, null, 2)}\n`

/** Text of every generated document, by its path in this folder; the same at each call. */
export const toDocuments = (): Map<string, string> => new Map([
  ...EVENT_TYPES.map((type): [string, string] => [`schemas/${type}.json`, toText(toEventSchema(type))]),
  ['asyncapi.json', toText(toAsyncapi(findExample))]
])
