// A server that was killed forgets which messages it had already removed, but not which were acked (nats-server 2.9.10: 59 of 749 and 81 of
// 378 after four kills under load). No consumer ever gets those, so they would stay for good, in the middle of streams that have to stay
// short. Guarantee: only what every consumer it is meant for has acked is removed.
import type { ConsumerInfo, JetStreamManager, StoredMsg, StreamInfo } from 'nats'
import type { StreamName } from './streams.ts'

const STREAMS = ['DELIVERIES', 'RETRIES', 'ATTEMPTS', 'DISABLE'] as const satisfies StreamName[]
/** Messages looked at in one go: each is a request. */
const LOOKED_AT_MAX = 10_000

const listConsumers = async (jsm: JetStreamManager, stream: string): Promise<ConsumerInfo[]> => {
  const found: ConsumerInfo[] = []
  for await (const consumer of jsm.consumers.list(stream)) found.push(consumer)
  return found
}

// The server's own floor may lag behind what it has handed out when nothing of that is unanswered.
const toFloor = ({ ack_floor: acked, delivered, num_ack_pending: handedOut }: ConsumerInfo): number => handedOut === 0 ? delivered.stream_seq : acked.stream_seq

const isFor = (subject: string, { config: { filter_subject: filter } }: ConsumerInfo): boolean => filter === undefined || filter === subject

// Up to its floor a consumer has acked everything; a message that several read is done with at the lowest of their floors.
const isDone = ({ seq, subject }: StoredMsg, consumers: ConsumerInfo[]): boolean =>
  seq <= Math.min(...consumers.filter(consumer => isFor(subject, consumer)).map(toFloor))

// A message waits for one consumer, of an interest stream for two: while the stream holds no more than they say, nothing came back.
const isWhole = ({ state: { messages } }: StreamInfo, consumers: ConsumerInfo[]): boolean =>
  messages <= consumers.reduce((sum, { num_pending: pending, num_ack_pending: handedOut }) => sum + pending + handedOut, 0)

const isNone = (error: unknown): boolean => error instanceof Error && /no message found/i.test(error.message)

// Whatever the subject: the index by subject is among what a killed server gets wrong.
const findNext = async (jsm: JetStreamManager, stream: StreamName, seq: number): Promise<StoredMsg | undefined> => {
  // The server knows this question; the client's types do not.
  const query: { seq: number, next_by_subj: string } = { seq, next_by_subj: '>' }
  try {
    return await jsm.streams.getMessage(stream, query)
  } catch (error) {
    if (isNone(error)) return undefined
    throw error
  }
}

const dropFrom = async (jsm: JetStreamManager, stream: StreamName): Promise<number> => {
  // The stream is asked first: what comes between the two answers makes it look whole.
  const info = await jsm.streams.info(stream)
  const consumers = info.state.messages === 0 ? [] : await listConsumers(jsm, stream)
  if (isWhole(info, consumers)) return 0
  const last = Math.max(...consumers.map(toFloor))
  let dropped = 0
  let found = await findNext(jsm, stream, info.state.first_seq)
  for (let looked = 0; found !== undefined && found.seq <= last && looked < LOOKED_AT_MAX; looked += 1) {
    // One by one: a purge up to a sequence makes nats-server 2.9.10 forget what its consumers have handed out, and with that lose it.
    if (isDone(found, consumers) && await jsm.streams.deleteMessage(stream, found.seq, false)) dropped += 1
    found = await findNext(jsm, stream, found.seq + 1)
  }
  return dropped
}

/** Removes messages that are done with and came back when the server was killed; how many. Costs at most eight requests when there are none. */
export const dropAcked = async (jsm: JetStreamManager): Promise<number> => {
  let dropped = 0
  for (const stream of STREAMS) dropped += await dropFrom(jsm, stream)
  return dropped
}
