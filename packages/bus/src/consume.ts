// Reading a durable consumer. Guarantees: at most `prefetch` messages wait in this process and at most `inFlight` are worked on;
// a message is answered once, by the value its reader returns; a reader that throws puts it back; what is not answered when the
// process dies comes again after the consumer's ack_wait. Losing the server, or the consumer, ends nothing: reading starts again.
import { Match, type ConsumerMessages, type JsMsg } from 'nats'
import type { Bus } from './connect.ts'
import type { StreamName } from './streams.ts'

/** A message of a stream. */
export type Message = {
  subject: string
  data: Uint8Array
  /** When the stream stored it, ms since 1970: the same at each delivery. */
  storedAtMs: number
  sequence: number
  /** A header by its name, however it is capitalised. */
  header: (name: string) => string | undefined
  /** Keeps it ours for another ack_wait. */
  working: () => void
}

/** What becomes of a message: done with it, or hand it out again after a while. */
export type Answer = { kind: 'ack' } | { kind: 'nak', delayMs: number }
export const ACK: Answer = { kind: 'ack' }

export type Source = {
  stream: StreamName
  durable: string
  /** Messages that may wait in this process. */
  prefetch: number
}

export type Reading = {
  /** False while nothing can be read. */
  isReading: () => boolean
  /** Stops pulling, gives back what was not begun, and resolves when what was begun is answered. */
  stop: () => Promise<void>
}

/** Tells what went wrong without ending anything. */
export type OnTrouble = (error: unknown, what: string) => void

export const toMessage = (message: JsMsg): Message => ({
  subject: message.subject,
  data: message.data,
  // Read on demand: the client parses them out of the reply subject each time.
  get storedAtMs () { return Math.floor(message.info.timestampNanos / 1_000_000) },
  get sequence () { return message.seq },
  header: name => message.headers?.get(name, Match.IgnoreCase) || undefined,
  working: () => message.working()
})

/** A failing reader's message comes again after this. */
const TROUBLE_DELAY_MS = 1_000
/** Given back at the end: late enough that another process, not this closing one, takes it (measured: no repeats). */
const GIVE_BACK_MS = 300
const RESTART_MS = 250

type Loop = { messages: ConsumerMessages | undefined, stopping: boolean, reading: boolean }

const watchHeartbeats = async (messages: ConsumerMessages): Promise<void> => {
  for await (const status of await messages.status()) {
    // The client pulls again by itself; after a server's restart it was seen not to, so reading starts over.
    if (String(status.type) === 'heartbeats_missed' && Number(status.data) >= 2) await messages.close()
  }
}

/**
 * Reads until stopped. `take` is awaited for each message before the next one is read, so it is where back-pressure is made;
 * it must not reject.
 */
export const readLoop = ({ js }: Pick<Bus, 'js'>, source: Source, { take, onTrouble }: { take: (message: JsMsg) => Promise<void> | void, onTrouble: OnTrouble }): { stop: () => Promise<void>, isReading: () => boolean } => {
  const loop: Loop = { messages: undefined, stopping: false, reading: false }
  const readOnce = async (): Promise<void> => {
    const consumer = await js.consumers.get(source.stream, source.durable)
    loop.messages = await consumer.consume({ max_messages: source.prefetch, expires: 10_000, idle_heartbeat: 2_000 })
    // Told to stop while it was being opened: nobody else would end it.
    if (loop.stopping) loop.messages.stop()
    loop.reading = true
    void watchHeartbeats(loop.messages).catch(() => undefined)
    for await (const message of loop.messages) {
      if (loop.stopping) message.nak(GIVE_BACK_MS)
      else await take(message)
    }
  }
  const ended = (async () => {
    while (!loop.stopping) {
      try {
        await readOnce()
      } catch (error) {
        if (!loop.stopping) onTrouble(error, `Reading ${source.stream} as ${source.durable} starts again`)
      }
      loop.reading = false
      if (!loop.stopping) await new Promise(resolve => setTimeout(resolve, RESTART_MS))
    }
  })()
  return {
    isReading: () => loop.reading,
    stop: async () => {
      loop.stopping = true
      loop.messages?.stop()
      await ended
    }
  }
}

/** Obeys the answer: the only place where a message is acked. */
export const obey = ({ cork }: Pick<Bus, 'cork'>, message: JsMsg, answer: Answer): void =>
  cork.send(() => answer.kind === 'ack' ? message.ack() : message.nak(answer.delayMs))

export type ConsumeOptions = {
  source: Source
  /** Takes a place for one message; resolves when there is room. */
  enter: () => Promise<() => void>
  read: (message: Message) => Promise<Answer>
  onTrouble: OnTrouble
}

/** Reads messages one by one, as many at once as `enter` lets in. */
export const consume = (bus: Pick<Bus, 'js' | 'cork'>, { source, enter, read, onTrouble }: ConsumeOptions): Reading => {
  const begun = new Set<Promise<void>>()
  const work = async (message: JsMsg, leave: () => void): Promise<void> => {
    try {
      obey(bus, message, await read(toMessage(message)))
    } catch (error) {
      onTrouble(error, `A message of ${source.stream} could not be worked on and comes again`)
      obey(bus, message, { kind: 'nak', delayMs: TROUBLE_DELAY_MS })
    } finally {
      leave()
    }
  }
  const take = async (message: JsMsg): Promise<void> => {
    const leave = await enter()
    const working = work(message, leave).finally(() => begun.delete(working))
    begun.add(working)
  }
  const loop = readLoop(bus, source, { take, onTrouble })
  return {
    isReading: loop.isReading,
    stop: async () => {
      await loop.stop()
      await Promise.all(begun)
    }
  }
}
