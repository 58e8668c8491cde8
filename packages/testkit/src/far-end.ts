import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

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

const obey = async (answer: FarEndAnswer, response: ServerResponse): Promise<void> => {
  if (answer === 'silence') return
  if ('reset' in answer) {
    response.socket?.write(answer.head ?? '', () => response.socket?.resetAndDestroy())
    return
  }
  if ('raw' in answer) {
    response.socket?.end(answer.raw)
    return
  }
  const { status = 204, headers = {}, body = '', after } = answer
  await after
  if (response.destroyed) return
  response.writeHead(status, headers)
  if (typeof body === 'string' || Buffer.isBuffer(body)) response.end(body)
  else await writeBody(response, body)
}

/** A real HTTP receiver on loopback that records what it gets and does as it is told, request by request. */
export const openFarEnd = async ({ answer = () => ({}), host = '127.0.0.1', port = 0, tls }: FarEndOptions = {}): Promise<FarEnd> => {
  const requests: Received[] = []
  const waiting = new Set<() => void>()
  const numbers = new WeakMap<object, number>()
  let connections = 0

  const receive = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(message)
    const { method = '', url: path = '', headers, rawHeaders } = message
    const request = { method, path, headers, rawHeaders, body, connection: numbers.get(message.socket) ?? 0 }
    const index = requests.push(request) - 1
    for (const wake of waiting) wake()
    await obey(await answer(request, index), response)
  }
  // A request that the sender cut off is none.
  const listener = (message: IncomingMessage, response: ServerResponse): void => { receive(message, response).catch(() => response.destroy()) }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: object) => numbers.set(socket, ++connections))
  server.listen(port, host)
  await once(server, 'listening')
  const { port: bound } = server.address() as AddressInfo

  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    requests,
    connections: () => connections,
    received: count => new Promise(resolve => {
      const wake = (): void => {
        if (requests.length < count) return
        waiting.delete(wake)
        resolve()
      }
      waiting.add(wake)
      wake()
    }),
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    }
  }
}
