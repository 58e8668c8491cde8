import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { createPublish, openBus, type Publish } from '@tw/bus'
import { subjects, type EventType } from '@tw/contracts'

/** Bytes of an event's data are filled up to about this. */
const EVENT_BYTES = 1_024

const now = (): number => performance.timeOrigin + performance.now()
const FILLING = 'Send the parameter as a bound value; do not build the statement by putting texts together. '

/** A finding of 1 KiB that knows when it was emitted. */
export const toEvent = (type: EventType = 'finding.created'): { id: string, data: string } => {
  const id = randomUUID()
  const event = {
    specversion: '1.0',
    id,
    source: '/bench',
    type,
    time: new Date().toISOString(),
    data: { id: `finding-${id}`, title: 'SQL injection in the search form', severity: 'high', status: 'open', asset: { id: 'a-1', name: 'shop', address: 'shop.example.com' }, emittedAtMs: now(), remediation: '' }
  }
  event.data.remediation = FILLING.repeat(20).slice(0, Math.max(0, EVENT_BYTES - JSON.stringify(event).length))
  return { id, data: JSON.stringify(event) }
}

export type Emitter = {
  /** Publishes one event; resolves when the stream has accepted it. */
  emit: (tenant?: string, type?: EventType) => Promise<void>
  /** `perSecond` events for `seconds`, evenly; resolves with how many were accepted. */
  emitAtRate: (perSecond: number, seconds: number) => Promise<number>
  /** As fast as the stream accepts, 256 outstanding. */
  emitAll: (count: number) => Promise<void>
  close: () => Promise<void>
}

const createEmit = (publish: Publish) => async (tenant = 'default', type: EventType = 'finding.created'): Promise<void> => {
  const { id, data } = toEvent(type)
  await publish({ subject: subjects.event(tenant, type), data, messageId: `${tenant}.${id}` })
}

/** An emitter as ThreatWeaver's parts are: each event acknowledged by the stream. */
export const openEmitter = async (natsUrl: string): Promise<Emitter> => {
  const bus = await openBus({ url: natsUrl, name: 'bench-emitter' })
  const emit = createEmit(createPublish(bus))

  const emitAtRate = async (perSecond: number, seconds: number): Promise<number> => {
    const begun = performance.now()
    const outstanding: Promise<void>[] = []
    const total = perSecond * seconds
    while (outstanding.length < total) {
      const due = Math.min(total, Math.floor((performance.now() - begun) * perSecond / 1_000))
      while (outstanding.length < due) outstanding.push(emit())
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    await Promise.all(outstanding)
    return total
  }

  const emitAll = async (count: number): Promise<void> => {
    let left = count
    await Promise.all(Array.from({ length: 256 }, async () => { while (left-- > 0) await emit() }))
  }
  return { emit, emitAtRate, emitAll, close: bus.close }
}
