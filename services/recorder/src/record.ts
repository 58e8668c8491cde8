import { TypeCompiler } from '@sinclair/typebox/compiler'
import { findSummary, type Message } from '@tw/bus'
import { AttemptBatch, type Attempt } from '@tw/contracts'
import { recordAttempts, recordDeliveries, recordEvents, recordRejected, type EventRow, type RejectedRow, type Store } from '@tw/store'
import { parseEvent } from '@tw/wire'
import type { Write } from './write.ts'

const attemptsChecker = TypeCompiler.Compile(AttemptBatch)

const toIso = (ms: number): string => new Date(ms).toISOString()
const toJson = (message: Message): unknown => JSON.parse(Buffer.from(message.data).toString())

const toEventRows = (message: Message): EventRow[] => {
  const parsed = parseEvent({ subject: message.subject, data: message.data, contentType: message.header('content-type'), header: message.header })
  // What does not parse is the dispatcher's to reject.
  if (!parsed.ok) return []
  const { source, id, type } = parsed.event
  return [{ tenant: parsed.tenant, source, id, type, receivedAt: toIso(message.storedAtMs), body: JSON.stringify(parsed.event), test: false }]
}

const toAttempts = (message: Message): Attempt[] => {
  const value = toJson(message)
  if (!attemptsChecker.Check(value)) throw new Error('The message holds no attempts of this version')
  return (value as AttemptBatch).attempts
}

const toRejectedRow = (message: Message): RejectedRow => {
  const said = (name: string): string => decodeURIComponent(message.header(name) ?? '')
  return {
    sequence: message.sequence,
    receivedAt: said('Tw-Received-At') || toIso(message.storedAtMs),
    tenant: said('Tw-Tenant'),
    subject: said('Tw-Subject'),
    reason: message.subject.split('.').at(-1) ?? '',
    detail: said('Tw-Detail'),
    contentType: said('Tw-Content-Type') || null,
    payload: Buffer.from(message.data).toString('base64'),
    bytes: Number(said('Tw-Bytes') || message.data.length)
  }
}

/** What the recorder writes of each stream. */
export const createRecord = (store: Pick<Store, 'write'>): Record<'events' | 'deliveries' | 'attempts' | 'rejected', Write> => ({
  events: messages => recordEvents(store, messages.flatMap(toEventRows)),
  deliveries: messages => recordDeliveries(store, messages.flatMap(message => findSummary(message) ?? [])),
  attempts: messages => recordAttempts(store, messages.flatMap(toAttempts)),
  rejected: messages => recordRejected(store, messages.map(toRejectedRow))
})
