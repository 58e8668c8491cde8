import { connect, type JetStreamClient, type JetStreamManager, type NatsConnection } from 'nats'
import { createCork, type Cork } from './cork.ts'

/** One connection to NATS and its JetStream. */
export type Bus = {
  connection: NatsConnection
  js: JetStreamClient
  jsm: JetStreamManager
  /** Collects what is sent in one turn of the event loop. */
  cork: Cork
  isConnected: () => boolean
  /** Sends what is buffered, then closes. */
  close: () => Promise<void>
}

export type BusOptions = {
  /** `nats://host:port`, several separated by commas. */
  url: string
  /** Shown in the server's connection list. */
  name: string
  user?: string | undefined
  password?: string | undefined
  /** How long the first connection is tried. */
  connectWithinMs?: number
}

// The address without its credentials: it stands in error messages.
const toShown = (url: string): string => url.replace(/\/\/[^@/]*@/g, '//')

const tryConnect = async (options: BusOptions, deadlineMs: number): Promise<NatsConnection> => {
  for (;;) {
    try {
      return await connect({
        servers: options.url.split(',').map(server => server.trim()),
        name: options.name,
        ...(options.user === undefined ? {} : { user: options.user, pass: options.password ?? '' }),
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 100,
        // A peer that vanished without closing is noticed within 20 s.
        pingInterval: 10_000,
        maxPingOut: 2
      })
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (Date.now() >= deadlineMs || /auth/i.test(reason)) {
        throw new Error(`NATS at ${toShown(options.url)} cannot be reached (${reason}): check NATS_URL, NATS_USER and NATS_PASSWORD`, { cause: error })
      }
      await new Promise(resolve => setTimeout(resolve, 250))
    }
  }
}

/** Connects, waiting up to `connectWithinMs` (default 30 s) for the server; later losses are healed without end. Throws a clear Error. */
export const openBus = async (options: BusOptions): Promise<Bus> => {
  const connection = await tryConnect(options, Date.now() + (options.connectWithinMs ?? 30_000))
  const state = { connected: true }
  const cork = createCork()
  void (async () => {
    for await (const { type } of connection.status()) {
      if (type === 'disconnect') state.connected = false
      if (type === 'reconnect') state.connected = true
    }
  })()
  return {
    connection,
    js: connection.jetstream({ timeout: 2_000 }),
    jsm: await connection.jetstreamManager({ timeout: 5_000, checkAPI: false }),
    cork,
    isConnected: () => state.connected && !connection.isClosed(),
    close: async () => {
      await cork.flushed()
      await connection.drain().catch(() => connection.close())
    }
  }
}
