import { randomBytes, randomUUID } from 'node:crypto'
import { createPublish, openBus } from '@tw/bus'
import { subjects } from '@tw/contracts'
import { example, type Platform } from '@tw/testkit'
import type { LocalState } from './local-state.ts'
import { openReceiver, type Received } from './receiver.ts'

const WITHIN_MS = 30_000

const toWebhook = (url: string, secret: string): object => ({
  name: 'Sample receiver',
  url,
  secret,
  events: ['finding.created', 'finding.status_changed', 'finding.resolved']
})

/** The sample receiver of this run and the webhook that points at it, made on the first run and mended on later ones. */
export const openSample = async (platform: Platform, state: LocalState, onReceived: (received: Received) => void): Promise<{ state: LocalState, first: boolean, close: () => Promise<void> }> => {
  const secret = state.webhookSecret ?? `whsec_${randomBytes(32).toString('base64')}`
  const receiver = await openReceiver({ port: state.receiverPort ?? 0, secret, onReceived }).catch(() => openReceiver({ port: 0, secret, onReceived }))
  const known = state.webhookId === undefined ? undefined : await platform.call('GET', `/webhooks/${state.webhookId}`)
  const path = known?.status === 200 ? `/webhooks/${state.webhookId}` : '/webhooks'
  const saved = await platform.call(path === '/webhooks' ? 'POST' : 'PUT', path, { body: toWebhook(receiver.url, secret) })
  if (saved.status >= 300) throw new Error(`The sample webhook could not be saved: ${JSON.stringify(saved.body)}`)
  return {
    first: path === '/webhooks',
    state: { ...state, receiverPort: receiver.port, webhookId: String(saved.body['id']), webhookSecret: secret },
    close: receiver.close
  }
}

/** Publishes the golden finding as an emitter would; resolves when the stream has accepted it. */
export const sendSample = async (natsUrl: string): Promise<string> => {
  const event = { ...await example('finding.created'), id: randomUUID(), time: new Date().toISOString() }
  const bus = await openBus({ url: natsUrl, name: 'sample-emitter' })
  await createPublish(bus)({ subject: subjects.event('default', event.type), data: JSON.stringify(event), messageId: `default.${event.id}` })
  await bus.close()
  return event.id
}

/** The delivery as the log has it, once it stands there as delivered. */
export const findLogged = async (platform: Platform, eventId: string): Promise<Record<string, unknown>> => {
  const deadlineMs = Date.now() + WITHIN_MS
  for (;;) {
    const { body } = await platform.call('GET', `/webhooks/deliveries?eventId=${eventId}`)
    const items: unknown = body['items']
    const [delivery] = Array.isArray(items) ? items : []
    if (delivery?.status === 'delivered') return delivery
    if (Date.now() > deadlineMs) throw new Error(`The sample delivery does not stand in the log after ${WITHIN_MS / 1_000} s: ${JSON.stringify(body)}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
