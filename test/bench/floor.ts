// The floor: a bare loop of pull -> undici POST -> one batched INSERT -> ack, in one process, on the same NATS, Postgres and receiver.
// What the product does beyond it (dispatch, configuration, signature, guard, lanes, three tables, API) costs the difference.
import { randomUUID } from 'node:crypto'
import { AckPolicy, connect, type JsMsg } from 'nats'
import pg from 'pg'
import { Pool } from 'undici'
import { toEvent } from './emit.ts'
import type { Finding } from './scenarios.ts'

const BATCH = 500
const IN_FLIGHT = 100

type Floor = { natsUrl: string, databaseUrl: string, receiverUrl: string }

export const measureFloor = async ({ natsUrl, databaseUrl, receiverUrl }: Floor, count: number): Promise<Finding> => {
  const connection = await connect({ servers: natsUrl })
  const [js, jsm] = [connection.jetstream(), await connection.jetstreamManager()]
  await jsm.streams.add({ name: 'FLOOR', subjects: ['floor.>'] })
  await jsm.consumers.add('FLOOR', { durable_name: 'floor', ack_policy: AckPolicy.Explicit, max_ack_pending: 10_000 })
  let left = count
  await Promise.all(Array.from({ length: 256 }, async () => { while (left-- > 0) await js.publish('floor.one', toEvent().data) }))
  const database = new pg.Client(databaseUrl)
  await database.connect()
  await database.query('CREATE TABLE floor (id uuid PRIMARY KEY, status int, at timestamptz)')
  const http = new Pool(receiverUrl, { connections: 50 })

  const begun = performance.now()
  const batch: Array<{ message: JsMsg, status: number }> = []
  let writing = Promise.resolve()
  const write = (): void => {
    const rows = batch.splice(0)
    writing = writing.then(async () => {
      await database.query('INSERT INTO floor SELECT unnest($1::uuid[]), unnest($2::int[]), now()', [rows.map(() => randomUUID()), rows.map(({ status }) => status)])
      for (const { message } of rows) message.ack()
    })
  }
  let done = 0
  const deliver = async (message: JsMsg): Promise<void> => {
    const { statusCode, body } = await http.request({ method: 'POST', path: '/floor', body: message.data, headers: { 'content-type': 'application/json' } })
    await body.dump()
    batch.push({ message, status: statusCode })
    done += 1
    if (batch.length >= BATCH || done === count) write()
  }
  const messages = await (await js.consumers.get('FLOOR', 'floor')).consume({ max_messages: 2 * IN_FLIGHT })
  const inFlight = new Set<Promise<void>>()
  let taken = 0
  for await (const message of messages) {
    const working = deliver(message).finally(() => inFlight.delete(working))
    inFlight.add(working)
    if (++taken === count) break
    if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight)
  }
  await Promise.all(inFlight)
  await writing
  const perSecond = Math.round(count * 1_000 / (performance.now() - begun))
  await http.close()
  await database.query('DROP TABLE floor')
  await database.end()
  await jsm.streams.delete('FLOOR')
  await connection.close()
  return { what: `floor: bare pull -> POST -> batched INSERT -> ack of ${count}`, figures: `${perSecond}/s (emitted before it began)` }
}
