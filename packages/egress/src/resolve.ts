import { lookup, Resolver } from 'node:dns/promises'

/** All addresses of a name. Rejects when there are none, with the code of node:dns. */
export type Resolve = (host: string) => Promise<string[]>

const UNKNOWN_NAME = new Set(['ENOTFOUND', 'ENODATA', 'EAI_NONAME', 'EAI_NODATA'])

const toCode = (error: unknown): string => error instanceof Error && 'code' in error ? String(error.code) : ''

/** Whether the name does not exist, rather than that nobody answered. */
export const isUnknownName = (error: unknown): boolean => UNKNOWN_NAME.has(toCode(error))

const lookupAll: Resolve = async host => (await lookup(host, { all: true })).map(({ address }) => address)

/**
 * Resolves by DNS, A and AAAA, without a thread: a name server that never answers holds up nobody else, where getaddrinfo
 * has four threads for the whole process. Names that DNS does not know, and those `isLocal` tells, go to getaddrinfo, which knows /etc/hosts
 * and the search domains as well.
 */
export const createResolve = (isLocal: (host: string) => boolean, { servers, timeoutMs = 2_000 }: { servers?: string[], timeoutMs?: number } = {}): Resolve => {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (servers !== undefined) resolver.setServers(servers)

  const resolveAll: Resolve = async host => {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const addresses = answers.flatMap(answer => answer.status === 'fulfilled' ? answer.value : [])
    const failure = answers.find(answer => answer.status === 'rejected' && !isUnknownName(answer.reason)) ?? answers.find(answer => answer.status === 'rejected')
    if (addresses.length === 0 && failure?.status === 'rejected') throw failure.reason
    return addresses
  }

  return async host => {
    if (isLocal(host)) return await lookupAll(host)
    try {
      return await resolveAll(host)
    } catch (error) {
      if (isUnknownName(error)) return await lookupAll(host)
      throw error
    }
  }
}
