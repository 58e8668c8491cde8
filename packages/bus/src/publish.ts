// Publishing that outlives the server. Guarantees: a publication is done when the stream said it has stored it; what is not acknowledged
// is sent again with the same message id until it is, at once when the connection is back, so a stream with a window of two minutes
// stores it once. Many may be outstanding.
//
// The client's own `js.publish` costs 30 to 40 us of this process each (an Error made for its stack, a timer, a subscription look-up);
// one inbox for all and one timer for all cost 8 (measured, see the README).
import { Empty, createInbox, headers as createHeaders, type Msg, type MsgHdrs } from 'nats'
import type { Bus } from './connect.ts'

/** What to publish. `messageId`: a repeat within the stream's window of two minutes is stored once. */
export type Publication = { subject: string, data: string | Uint8Array, messageId?: string, headers?: Record<string, string> }

/** Resolves when the stream has stored it. Rejects with a PublishError when it never will, or not within `withinMs`. */
export type Publish = (publication: Publication) => Promise<void>

/** The publication cannot be stored: too large, the time is over, or the bus is closed. */
export class PublishError extends Error {
  override name = 'PublishError'
}

export type PublishOptions = {
  /** How long a publication is tried; without end if absent. */
  withinMs?: number
  /** An answer that takes longer is taken for lost. */
  answerWithinMs?: number
}

type Outstanding = {
  publication: Publication
  headers: MsgHdrs | undefined
  startMs: number
  sentMs: number
  stored: () => void
  failed: (error: PublishError) => void
}

const SWEEP_MS = 100
const ANSWER_WITHIN_MS = 2_000
/** Answers that say the same publication would be refused again. */
const FINAL = /maximum message size|(message|header) size exceeds/i

const toHeaders = ({ messageId, headers }: Publication): MsgHdrs | undefined => {
  if (messageId === undefined && headers === undefined) return undefined
  const made = createHeaders()
  if (messageId !== undefined) made.set('Nats-Msg-Id', messageId)
  for (const [name, value] of Object.entries(headers ?? {})) made.set(name, value)
  return made
}

type Answer = { kind: 'stored' } | { kind: 'refused', reason: string }

// A PubAck (ADR-1 of nats-architecture-and-design) has a sequence; no responder at all is a status header of 503.
const parseAnswer = (message: Msg): Answer => {
  if (message.headers?.code === 503) return { kind: 'refused', reason: 'no stream answers' }
  const { seq, error }: { seq?: number, error?: { description?: string } } = message.data.length === 0 ? {} : message.json()
  return seq !== undefined && error === undefined ? { kind: 'stored' } : { kind: 'refused', reason: error?.description ?? 'the answer says nothing' }
}

const fail = ({ publication, failed }: Outstanding, reason: string): void => failed(new PublishError(`${publication.subject} was not stored: ${reason}`))

const onReconnect = async (connection: Bus['connection'], resend: () => void): Promise<void> => {
  for await (const { type } of connection.status()) if (type === 'reconnect') resend()
}

/** One inbox and one table of what is outstanding, for one connection. */
export const createPublish = ({ connection, cork }: Pick<Bus, 'connection' | 'cork'>, { withinMs = Number.POSITIVE_INFINITY, answerWithinMs = ANSWER_WITHIN_MS }: PublishOptions = {}): Publish => {
  const inbox = createInbox()
  const outstanding = new Map<number, Outstanding>()
  let last = 0
  let sweeping: NodeJS.Timeout | undefined

  const send = (id: number, entry: Outstanding): void => {
    entry.sentMs = Date.now()
    try {
      connection.publish(entry.publication.subject, entry.publication.data || Empty, { reply: `${inbox}.${id}`, ...(entry.headers === undefined ? {} : { headers: entry.headers }) })
    } catch (error) {
      outstanding.delete(id)
      fail(entry, error instanceof Error ? error.message : String(error))
    }
  }

  // What is refused for now is sent again by the sweep: at the earliest after SWEEP_MS.
  const settle = (id: number, answer: Answer): void => {
    const entry = outstanding.get(id)
    if (entry === undefined) return
    if (answer.kind === 'refused' && !FINAL.test(answer.reason)) {
      entry.sentMs = 0
      return
    }
    outstanding.delete(id)
    if (answer.kind === 'stored') entry.stored()
    else fail(entry, answer.reason)
  }

  const sweep = (): void => {
    const nowMs = Date.now()
    for (const [id, entry] of outstanding) {
      if (connection.isClosed() || nowMs - entry.startMs > withinMs) {
        outstanding.delete(id)
        fail(entry, connection.isClosed() ? 'the connection is closed' : `no stream has acknowledged it within ${withinMs} ms`)
      } else if (nowMs - entry.sentMs > answerWithinMs) send(id, entry)
    }
    if (outstanding.size > 0) return
    clearInterval(sweeping)
    sweeping = undefined
  }

  const onAnswer = (error: unknown, message: Msg): void => { if (error === null) settle(Number(message.subject.slice(inbox.length + 1)), parseAnswer(message)) }
  connection.subscribe(`${inbox}.*`, { callback: onAnswer })
  void onReconnect(connection, () => outstanding.forEach((entry, id) => send(id, entry)))

  return publication => new Promise((resolve, reject) => {
    const id = ++last
    const entry: Outstanding = { publication, headers: toHeaders(publication), startMs: Date.now(), sentMs: 0, stored: resolve, failed: reject }
    outstanding.set(id, entry)
    cork.send(() => send(id, entry))
    sweeping ??= setInterval(sweep, SWEEP_MS)
  })
}
