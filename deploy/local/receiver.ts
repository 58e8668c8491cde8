import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the sample receiver got, and whether the signature fits the secret. */
export type Received = { deliveryId: string, eventType: string, signed: boolean, body: string }

/** A small receiver on 127.0.0.1 that verifies each delivery. */
export type Receiver = { url: string, port: number, close: () => Promise<void> }

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const isSigned = (header: string, secret: string, body: Buffer): boolean => {
  const wanted = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
  return header.split(',').map(part => Buffer.from(part.trim())).some(part => part.length === wanted.length && timingSafeEqual(part, wanted))
}

const listen = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => { server.once('error', reject).listen(port, '127.0.0.1', resolve) })

/** Opens it on `port`, or on a free one when that is taken. It answers 200 to what is signed, 401 to the rest, and tells `onReceived`. */
export const openReceiver = async ({ port, secret, onReceived }: { port: number, secret: string, onReceived: (received: Received) => void }): Promise<Receiver> => {
  const server = createServer((request, response) => {
    const header = (name: string): string => String(request.headers[name] ?? '')
    read(request).then(body => {
      const signed = isSigned(header('x-tw-signature'), secret, body)
      response.writeHead(signed ? 200 : 401, { 'content-type': 'text/plain' }).end(signed ? 'thank you' : 'the signature does not fit')
      onReceived({ deliveryId: header('x-tw-delivery'), eventType: header('x-tw-event'), signed, body: body.toString() })
    }, () => response.destroy())
  })
  await listen(server, port).catch(() => listen(server, 0))
  const { port: bound } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${bound}/`,
    port: bound,
    close: async () => { await new Promise(resolve => { server.close(resolve); server.closeAllConnections() }) }
  }
}
