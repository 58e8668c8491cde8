import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

/** A request as it came. `connection` counts the TCP connections, from 1. */
export type Received = { method: string, path: string, headers: IncomingHttpHeaders, rawHeaders: string[], body: Buffer, connection: number }

/**
 * What the far end does with a request: answers (`after` holds the answer back until it resolves), stays silent for good, or cuts the
 * connection, after `head` (raw bytes) where given. `raw` writes these bytes instead of an answer of HTTP.
 */
export type FarEndAnswer =
  | { status?: number, headers?: Record<string, string | string[]>, body?: string | Buffer | AsyncIterable<string | Buffer>, after?: Promise<unknown> }
  | 'silence'
  | { reset: true, head?: string }
  | { raw: string | Buffer }

export type FarEndOptions = {
  /** Answers each request; 204 if absent. `index` counts from 0. */
  answer?: (request: Received, index: number) => FarEndAnswer | Promise<FarEndAnswer>
  host?: string
  port?: number
  /** PEM: serves https. */
  tls?: { key: string, cert: string }
}

export type FarEnd = {
  url: string
  port: number
  /** Every request, in the order their bodies were complete. */
  requests: Received[]
  /** TCP connections accepted so far. */
  connections: () => number
  /** Resolves once that many requests came. */
  received: (count: number) => Promise<void>
  close: () => Promise<void>
}

const readBody = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

const writeBody = async (response: ServerResponse, body: AsyncIterable<string | Buffer>): Promise<void> => {
  for await (const chunk of body) {
    if (response.destroyed) return
    if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')])
  }
  response.end()
}

type Told = Exclude<FarEndAnswer, 'silence' | { reset: true } | { raw: string | Buffer }>

const say = async (response: ServerResponse, { status = 204, headers = {}, body = '', after }: Told): Promise<void> => {
  await after
  if (response.destroyed) return
  response.writeHead(status, headers)
  if (typeof body === 'string' || Buffer.isBuffer(body)) response.end(body)
  else await writeBody(response, body)
}

const obey = async (answer: FarEndAnswer, response: ServerResponse): Promise<void> => {
  const { socket } = response
  if (answer === 'silence') return
  if ('reset' in answer) socket?.write(answer.head ?? '', () => socket.resetAndDestroy())
  else if ('raw' in answer) socket?.end(answer.raw)
  else await say(response, answer)
}

type Waiting = { received: FarEnd['received'], wake: () => void }

const createWaiting = (requests: readonly Received[]): Waiting => {
  const waiting = new Map<() => void, number>()
  const wake = (): void => {
    for (const [resolve, count] of waiting) {
      if (requests.length < count) continue
      waiting.delete(resolve)
      resolve()
    }
  }
  return {
    wake,
    received: count => new Promise(resolve => {
      waiting.set(resolve, count)
      wake()
    })
  }
}

const closeServer = async (server: Server): Promise<void> => {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

const toUrl = (scheme: string, host: string, port: number): string => `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`

const DEFAULTS = { answer: (): FarEndAnswer => ({}), host: '127.0.0.1', port: 0 } satisfies FarEndOptions

/** A real HTTP receiver on loopback that records what it gets and does as it is told, request by request. */
export const openFarEnd = async (options: FarEndOptions = {}): Promise<FarEnd> => {
  const { answer, host, port, tls } = { ...DEFAULTS, ...options }
  const requests: Received[] = []
  const { received, wake } = createWaiting(requests)
  const numbers = new WeakMap<object, number>()
  let connections = 0

  const receive = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(message)
    const { method = '', url: path = '', headers, rawHeaders } = message
    const request = { method, path, headers, rawHeaders, body, connection: numbers.get(message.socket) ?? 0 }
    const index = requests.push(request) - 1
    wake()
    await obey(await answer(request, index), response)
  }
  // A request that the sender cut off is none.
  const listener = (message: IncomingMessage, response: ServerResponse): void => { receive(message, response).catch(() => response.destroy()) }
  const { server, scheme, accepted } = tls === undefined
    ? { server: createServer(listener), scheme: 'http', accepted: 'connection' }
    : { server: createTlsServer(tls, listener), scheme: 'https', accepted: 'secureConnection' }
  server.on(accepted, (socket: object) => numbers.set(socket, ++connections))
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port

  return {
    url: toUrl(scheme, host, bound),
    port: bound,
    requests,
    connections: () => connections,
    received,
    close: () => closeServer(server)
  }
}
