import { isIP } from 'node:net'
import type { LookupFunction, Socket } from 'node:net'
import { buildConnector, Pool } from 'undici'
import { findAddress } from './address.ts'
import type { Route } from './guard.ts'
import { within } from './within.ts'

export type PoolsOptions = {
  /** Connections to one origin at most. */
  connections: number
  /** Longest life of a request. */
  requestMs: number
  /** Pools kept at most; the one unused for longest is closed first. */
  poolsMax?: number
  /** A pool unused for so long is closed. */
  idleMs?: number
}

export type Pools = {
  /** The pool of a route: its connections lead to the route's addresses and nowhere else. */
  find: (route: Route) => Pool
  size: () => number
  /** Lets what is on its way end, then closes all. */
  close: () => Promise<void>
}

const POOLS_MAX = 2_000
const IDLE_MS = 30_000

const toPlain = (address: string | undefined): string | undefined => address === undefined ? undefined : findAddress(address)?.toString()

// Names never reach a resolver from here: the answer is what the guard judged.
const createLookup = (addresses: readonly string[]): LookupFunction => {
  const all = addresses.map(address => ({ address, family: isIP(address) }))
  return (_host, options, done) => {
    const [first] = all
    if (options.all === true || first === undefined) done(null, all)
    else done(null, first.address, first.family)
  }
}

const refuseStray = (socket: Socket, addresses: readonly string[]): Error | undefined => {
  const reached = toPlain(socket.remoteAddress)
  if (reached !== undefined && addresses.includes(reached)) return undefined
  socket.destroy()
  return Object.assign(new Error('Connected to an address that was not judged'), { code: 'EHOSTUNREACH' })
}

// An address in the URL is not looked up: where the connection leads in the end is looked at, for names and addresses alike.
const createConnector = (addresses: readonly string[], connectMs: number): buildConnector.connector => {
  const connect = buildConnector({ timeout: connectMs, allowH2: false, lookup: createLookup(addresses) })
  return (options, done) => connect(options, (...[error, socket]) => {
    if (error !== null) return done(error, null)
    const stray = refuseStray(socket, addresses)
    if (stray === undefined) done(null, socket)
    else done(stray, null)
  })
}

/** Keep-alive pools, one for each origin and set of judged addresses, so a name that moved never gets an old connection. */
export const createPools = ({ connections, requestMs, poolsMax = POOLS_MAX, idleMs = IDLE_MS }: PoolsOptions): Pools => {
  const pools = new Map<string, { pool: Pool, usedMs: number }>()
  const closing = new Set<Pool>()

  const close = (key: string): void => {
    const { pool } = pools.get(key) ?? {}
    if (pool === undefined) return
    pools.delete(key)
    closing.add(pool)
    void pool.close().finally(() => closing.delete(pool))
  }

  // The map is in the order of use, to the second.
  const sweep = (): void => {
    const beforeMs = performance.now() - idleMs
    for (const [key, { usedMs }] of pools) {
      if (usedMs > beforeMs) return
      close(key)
    }
  }
  const sweeping = setInterval(sweep, Math.ceil(idleMs / 3))
  sweeping.unref()

  const open = ({ key, origin, addresses }: Route): Pool => {
    const [oldest] = pools.size >= poolsMax ? pools.keys() : []
    if (oldest !== undefined) close(oldest)
    const pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0, connect: createConnector(addresses, requestMs) })
    pools.set(key, { pool, usedMs: performance.now() })
    return pool
  }

  return {
    size: () => pools.size,
    find: route => {
      const known = pools.get(route.key)
      if (known === undefined) return open(route)
      const nowMs = performance.now()
      if (nowMs - known.usedMs > 1_000) {
        pools.delete(route.key)
        pools.set(route.key, { pool: known.pool, usedMs: nowMs })
      }
      return known.pool
    },
    close: async () => {
      clearInterval(sweeping)
      for (const key of [...pools.keys()]) close(key)
      const ended = Promise.all([...closing].map(pool => pool.close()))
      // No request outlives its deadline: what still waits then waits in vain.
      if (await within(ended, requestMs) === undefined) await Promise.all([...closing].map(pool => pool.destroy()))
    }
  }
}
