import { randomUUID } from 'node:crypto'
import { createPublish, type Bus } from '@tw/bus'
import { subjects } from '@tw/contracts'
import { example, type Platform } from '@tw/testkit'
import type { LocalState } from './local-files.ts'

const WITHIN_MS = 30_000
const TENANT = 'default'

const toReceiverUrl = (port: number | undefined): string => `http://127.0.0.1:${port}/`

const save = async (platform: Platform, [method, path]: ['POST' | 'PUT', string], body: object): Promise<string> => {
  const saved = await platform.call(method, path, { body })
  if (saved.status >= 300) throw new Error(`The sample webhook could not be saved: ${JSON.stringify(saved.body)}`)
  return String(saved.body['id'])
}

/**
 * The sample webhook points at this run's receiver: made when there is none, moved when the receiver had to take another port; what else
 * somebody changed in it stays. Answers with the state as it is now, and whether the webhook is new.
 */
export const ensureSample = async (platform: Platform, before: LocalState, receiverPort: number): Promise<{ state: LocalState, isNew: boolean }> => {
  const { webhookId, webhookSecret: secret } = before
  const state = { ...before, receiverPort }
  const url = toReceiverUrl(receiverPort)
  const known = webhookId === undefined ? undefined : await platform.call('GET', `/webhooks/${webhookId}`)
  if (webhookId === undefined || known?.status === 404) {
    const events = ['finding.created', 'finding.status_changed', 'finding.resolved']
    return { isNew: true, state: { ...state, webhookId: await save(platform, ['POST', '/webhooks'], { name: 'Sample receiver', url, secret, events }) } }
  }
  if (known?.body['url'] === toReceiverUrl(before.receiverPort) && before.receiverPort !== receiverPort) await save(platform, ['PUT', `/webhooks/${webhookId}`], { url })
  return { isNew: false, state }
}

/** Publishes the golden finding as an emitter would; resolves, with its id, when the stream has accepted it. */
export const sendSample = async (bus: Bus): Promise<string> => {
  const event = { ...example('finding.created'), id: randomUUID(), time: new Date().toISOString() }
  await createPublish(bus)({ subject: subjects.event(TENANT, event.type), data: JSON.stringify(event), messageId: `${TENANT}.${event.id}` })
  return event.id
}

/** The delivery as the log has it, once it stands there as delivered. */
export const findLogged = async (platform: Platform, eventId: string, webhookId: string): Promise<Record<string, unknown>> => {
  const deadlineMs = Date.now() + WITHIN_MS
  for (;;) {
    const { status, body } = await platform.call('GET', `/webhooks/deliveries?eventId=${eventId}&webhook=${webhookId}`)
    const items: unknown = body['items']
    const [delivery] = Array.isArray(items) ? items : []
    if (delivery?.status === 'delivered') return delivery
    if (status >= 400 || Date.now() > deadlineMs) throw new Error(`The sample delivery is not found in the log: ${JSON.stringify(body)}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
