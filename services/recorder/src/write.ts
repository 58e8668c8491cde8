// Writing a batch. Guarantees: what Postgres cannot take now is written when it is back, as long as that takes; a message Postgres
// refuses for what it holds does not keep its neighbours from being written: the batch is halved until it stands alone, and it stays in
// its stream, said in the log, until someone mends it.
import { ACK, type Answer, type Message } from '@tw/bus'
import type { Logger } from '@tw/runtime'

/** Writes what these messages say, all or nothing. Rejects when it cannot. */
export type Write = (messages: readonly Message[]) => Promise<void>

export type WriteOptions = {
  write: Write
  /** Whether the failure is that Postgres is away. */
  isAway: (error: unknown) => boolean
  isStopping: () => boolean
  logger: Logger
}

const AGAIN_MS = 500
const REFUSED: Answer = { kind: 'nak', delayMs: 60_000 }
const LATER: Answer = { kind: 'nak', delayMs: 1_000 }

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export const createWriteBatch = ({ write, isAway, isStopping, logger }: WriteOptions): ((messages: Message[]) => Promise<Answer[]>) => {
  const halve = async (messages: Message[], error: unknown): Promise<Answer[]> => {
    const [only] = messages
    if (only !== undefined && messages.length === 1) {
      logger.error({ err: error, subject: only.subject, sequence: only.sequence }, 'Postgres refuses this message: it stays in its stream')
      return [REFUSED]
    }
    const middle = messages.length >> 1
    return [...await writeBatch(messages.slice(0, middle)), ...await writeBatch(messages.slice(middle))]
  }

  const writeBatch = async (messages: Message[]): Promise<Answer[]> => {
    for (;;) {
      try {
        await write(messages)
        return messages.map(() => ACK)
      } catch (error) {
        if (!isAway(error)) return await halve(messages, error)
        logger.warn({ reason: error instanceof Error ? error.message : String(error), messages: messages.length }, 'Postgres is away: the log waits')
        if (isStopping()) return messages.map(() => LATER)
        await sleep(AGAIN_MS)
      }
    }
  }
  return writeBatch
}
