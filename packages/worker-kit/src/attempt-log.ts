import type { Publish } from '@tw/bus'
import { subjects, type Attempt, type ConnectorId } from '@tw/contracts'

/** Resolves when the stream has stored the attempt: only then may its delivery be acked. */
export type AttemptLog = (attempt: Attempt) => Promise<void>

const ATTEMPTS_MAX = 50
// A character is three bytes at the most: 256 KiB.
const CHARS_MAX = 87_381
const PUBLISHING_MAX = 4

type Entry = { json: string, stored: () => void, failed: (error: unknown) => void }

/**
 * Attempts travel several in one message: at once while few come, together while messages are outstanding. So one delivery waits for
 * nobody, and thousands per second cost some hundred messages.
 */
export const createAttemptLog = (publish: Publish, connector: ConnectorId): AttemptLog => {
  const waiting: Entry[] = []
  let publishing = 0

  const takeBatch = (): Entry[] => {
    let chars = 0
    const fits = waiting.findIndex(({ json }, index) => { chars += json.length; return index >= ATTEMPTS_MAX || (index > 0 && chars > CHARS_MAX) })
    return waiting.splice(0, fits === -1 ? waiting.length : fits)
  }

  const flush = (): void => {
    while (publishing < PUBLISHING_MAX && waiting.length > 0) {
      const batch = takeBatch()
      publishing += 1
      publish({ subject: subjects.attempts(connector), data: `{"attempts":[${batch.map(({ json }) => json).join(',')}]}` })
        .then(() => batch.forEach(({ stored }) => stored()), error => batch.forEach(({ failed }) => failed(error)))
        .finally(() => { publishing -= 1; flush() })
    }
  }

  return attempt => new Promise((resolve, reject) => {
    waiting.push({ json: JSON.stringify(attempt), stored: resolve, failed: reject })
    // Attempts that end in the same turn of the event loop share a message.
    if (waiting.length === 1) setImmediate(flush)
  })
}
