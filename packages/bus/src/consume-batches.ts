import type { JsMsg } from 'nats'
import type { Bus } from './connect.ts'
import { obey, readLoop, toMessage, type Answer, type Message, type OnTrouble, type Reading, type Source } from './consume.ts'

export type BatchOptions = {
  source: Source
  /** Most messages of one batch. */
  batchMax: number
  /** How long the first message of a batch waits for company, in ms. */
  lingerMs: number
  /** How often messages whose batch is being worked on are kept ours, in ms: well below the consumer's ack_wait. */
  heartbeatMs: number
  /** Works on a batch and says what becomes of each message, in their order. It must not reject. */
  read: (messages: Message[]) => Promise<Answer[]>
  onTrouble: OnTrouble
}

const TROUBLE: Answer = { kind: 'nak', delayMs: 1_000 }

/** Reads messages in batches, one batch after the other: while one is worked on the next one gathers. */
export const consumeBatches = (bus: Pick<Bus, 'js' | 'cork'>, options: BatchOptions): Reading => {
  const gathered: JsMsg[] = []
  let timer: NodeJS.Timeout | undefined
  // Batches are worked on one after the other, in the order they gathered.
  let last: Promise<void> = Promise.resolve()

  const work = async (batch: JsMsg[]): Promise<void> => {
    const heartbeat = setInterval(() => { for (const message of batch) message.working() }, options.heartbeatMs)
    try {
      const answers = await options.read(batch.map(toMessage))
      batch.forEach((message, index) => obey(bus, message, answers[index] ?? TROUBLE))
    } catch (error) {
      options.onTrouble(error, `A batch of ${options.source.stream} comes again`)
      for (const message of batch) obey(bus, message, TROUBLE)
    } finally {
      clearInterval(heartbeat)
    }
  }

  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    last = last.then(() => {
      const batch = gathered.splice(0, options.batchMax)
      return batch.length === 0 ? undefined : work(batch)
    })
    return last
  }

  const take = async (message: JsMsg): Promise<void> => {
    gathered.push(message)
    if (gathered.length >= options.batchMax) await flush()
    else timer ??= setTimeout(flush, options.lingerMs)
  }

  const loop = readLoop(bus, options.source, { take, onTrouble: options.onTrouble })
  return {
    isReading: loop.isReading,
    stop: async () => {
      await loop.stop()
      await flush()
    }
  }
}
