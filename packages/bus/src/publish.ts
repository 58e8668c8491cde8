import { ErrorCode, NatsError, headers as createHeaders } from 'nats'
import type { Bus } from './connect.ts'

/** What to publish. `messageId`: a repeat within the stream's window of two minutes is stored once. */
export type Publication = { subject: string, data: string | Uint8Array, messageId?: string, headers?: Record<string, string> }

/** Resolves when the stream has stored it. Rejects with a PublishError when it never will. */
export type Publish = (publication: Publication) => Promise<void>

/** The publication cannot be stored at all: too large, or the bus is closed. */
export class PublishError extends Error {
  override name = 'PublishError'
}

const FINAL: ReadonlySet<string> = new Set([ErrorCode.MaxPayloadExceeded, ErrorCode.ConnectionClosed, ErrorCode.ConnectionDraining, ErrorCode.PermissionsViolation])
const WAIT_MS = [50, 100, 250, 500, 1_000, 2_000]

const toOptions = ({ messageId, headers }: Publication): { msgID?: string, headers?: ReturnType<typeof createHeaders> } => {
  const made = createHeaders()
  for (const [name, value] of Object.entries(headers ?? {})) made.append(name, value)
  return { ...(messageId === undefined ? {} : { msgID: messageId }), ...(headers === undefined ? {} : { headers: made }) }
}

/**
 * Publishing that outlives the server: what is not acknowledged is sent again, with the same message id, until it is stored or,
 * with `withinMs`, until that time has passed. Many may be outstanding at once.
 */
export const createPublish = ({ js, connection }: Pick<Bus, 'js' | 'connection'>, withinMs = Number.POSITIVE_INFINITY): Publish => async publication => {
  const options = toOptions(publication)
  const startMs = Date.now()
  for (let tries = 0; ; tries += 1) {
    try {
      await js.publish(publication.subject, publication.data, options)
      return
    } catch (error) {
      const final = connection.isClosed() || (error instanceof NatsError && FINAL.has(error.code)) || Date.now() - startMs >= withinMs
      if (final) throw new PublishError(`${publication.subject} was not stored: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
      await new Promise(resolve => setTimeout(resolve, WAIT_MS[tries] ?? 2_000))
    }
  }
}
