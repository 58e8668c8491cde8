import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './metrics.ts'

/** Names what is not ready, one line each; empty when the service can do its work. */
export type Readiness = () => string[]

type HealthOptions = { host: string, port: number, readiness: Readiness, metrics: Metrics }

/**
 * Serves `/healthz` (the process answers), `/readyz` (200, or 503 and what is missing) and `/metrics` (Prometheus text).
 * Holds nothing secret, so it asks for no token.
 */
export const openHealth = async ({ host, port, readiness, metrics }: HealthOptions): Promise<{ port: number, close: () => Promise<void> }> => {
  const server = createServer((request, response) => {
    const send = (status: number, body: string): void => { response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body) }
    if (request.url === '/healthz') return send(200, 'ok\n')
    if (request.url === '/metrics') {
      metrics.text().then(text => send(200, text), () => send(500, 'metrics failed\n'))
      return
    }
    if (request.url !== '/readyz') return send(404, 'not found\n')
    const missing = readiness()
    send(missing.length === 0 ? 200 : 503, missing.length === 0 ? 'ready\n' : `${missing.join('\n')}\n`)
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
    .catch(error => { throw new Error(`The health port cannot be opened: check HEALTH_HOST and HEALTH_PORT (${error instanceof Error ? error.message : String(error)})`, { cause: error }) })
  const address = server.address() as AddressInfo
  return {
    port: address.port,
    close: async () => { await new Promise(resolve => { server.close(resolve); server.closeAllConnections() }) }
  }
}
