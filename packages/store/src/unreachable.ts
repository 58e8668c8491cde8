/** Postgres does not answer, or not now: the same work may succeed later. */
export class StoreUnreachable extends Error {
  override name = 'StoreUnreachable'
}

// Prisma's codes for a server that is away (https://www.prisma.io/docs/orm/reference/error-reference), its adapter's kinds, SQLSTATE
// classes 08 and 57P, 53 (no room, no memory, no connection), 40 (a deadlock) and 25006 (a standby that is not the primary any more)
// (https://www.postgresql.org/docs/18/errcodes-appendix.html), and the system's network errors.
const PRISMA = /^(P1001|P1002|P1008|P1011|P1017|P2024|P2028|DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections)$/
const BELOW = /^(08\w{3}|57P0\d|53\w{3}|40\w{3}|25006|ECONN\w+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EPIPE|EHOSTUNREACH)$/
// What the driver says of a connection that broke in the middle carries no code.
const SAID = /connection terminated|timeout exceeded when trying to connect|connection ended|not queryable|ECONNREFUSED|server closed|database server (at|has)/i

type Layer = Record<string, unknown>
const isLayer = (value: unknown): value is Layer => typeof value === 'object' && value !== null

// From the outermost error to what the network said.
const toLayers = (error: unknown): Layer[] => {
  if (!isLayer(error)) return []
  const { cause, meta } = error
  return [error, ...toLayers(cause), ...(isLayer(meta) ? toLayers(meta['driverAdapterError']) : [])]
}

/** Whether an error of a verb means that Postgres is away, so that the same call may succeed later. Anything else is a fault of ours. */
export const isUnreachable = (error: unknown): boolean => toLayers(error).some(({ name, code, kind, originalCode, message }) =>
  name === 'StoreUnreachable' || [code, kind, originalCode].some(said => typeof said === 'string' && (PRISMA.test(said) || BELOW.test(said))) ||
  (typeof message === 'string' && SAID.test(message)))

const toReason = (error: unknown): string => {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n').map(line => line.trim()).filter(line => line !== '')
  return (lines.at(-1) ?? 'no reason given').replace(/^Raw query failed\. Code: `(.*?)`\. Message: `(.*)`$/, '$2')
}

/** A sentence that names the server, without user or password, and what it or the network said. */
export const toUnreachable = (databaseUrl: string, error: unknown): StoreUnreachable => {
  const { hostname, port, pathname } = new URL(databaseUrl)
  return new StoreUnreachable(`Postgres at ${hostname}:${port === '' ? 5432 : port}${pathname} does not answer: ${toReason(error)}`, { cause: error })
}
