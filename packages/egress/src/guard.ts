// The guard of every outbound connection. Guarantees: a URL is contacted only at addresses that were judged, all of them: one forbidden
// address forbids the name; what cannot be resolved is not contacted; metadata addresses are never allowed; what a tenant is told never
// holds an address the name resolved to.
import { networkInterfaces } from 'node:os'
import { isAllowedHost } from './host-name.ts'
import { createJudgeHost, type HostVerdict } from './judge-host.ts'
import type { Range } from './ranges.ts'
import { createRemember } from './remember.ts'
import { createResolve, type Resolve } from './resolve.ts'
import { DENIED_PORTS, toTarget, type Refusal, type Target } from './target.ts'
export { GuardEnv, GuardEnvError, toGuardOptions } from './guard-env.ts'
export { DENIED_PORTS, type Refusal, type RefusalCode } from './target.ts'

export type GuardOptions = {
  /** Ranges the operator allows beside public addresses. */
  allowCidrs?: readonly Range[]
  /** Names whose addresses the operator allows, whatever they are: `host.example`, or `*.host.example` for all below. */
  allowHosts?: readonly string[]
  /** Replaces DENIED_PORTS. */
  denyPorts?: readonly number[]
  httpsOnly?: boolean
  resolve?: Resolve
  /** How long a verdict serves; 0 resolves for each request. */
  cacheMs?: number
  /** Longest wait for the resolver. */
  resolveMs?: number
  /** Clock of the cache, ms. */
  now?: () => number
  /** Addresses of this machine, forbidden like private ones; those of its network interfaces if absent. */
  ownAddresses?: readonly string[]
}

/** Where a URL may be contacted: only at `addresses`. */
export type Route = {
  kind: 'route'
  url: string
  origin: string
  path: string
  addresses: readonly string[]
  /** Origin and addresses: connections made under another key must not serve this route. */
  key: string
}

export type Guard = {
  /** Judges a URL before it is stored: parses, normalises, resolves. Never rejects. */
  checkUrl: (url: string) => Promise<{ kind: 'allowed', url: string } | Refusal>
  /** Judges a URL before each request; at once, without a promise, while the verdict over its host is remembered. Never rejects. */
  route: (url: string) => Route | Refusal | Promise<Route | Refusal>
}

const DEFAULTS = {
  allowCidrs: [], allowHosts: [], denyPorts: DENIED_PORTS, httpsOnly: false, cacheMs: 5_000, resolveMs: 5_000, now: () => performance.now()
} satisfies GuardOptions
const ENTRIES_MAX = 10_000

const listOwnAddresses = (): string[] => Object.values(networkInterfaces()).flatMap(list => list ?? []).map(({ address }) => address)

const toRoute = ({ url, origin, path }: Target, verdict: HostVerdict): Route | Refusal =>
  verdict.kind === 'refused' ? verdict : { kind: 'route', url, origin, path, addresses: verdict.addresses, key: `${origin} ${verdict.key}` }

// URLs repeat with each delivery: parsing them once is half of what the guard would cost. The oldest goes first.
const createParse = (parse: (url: string) => Target | Refusal): ((url: string) => Target | Refusal) => {
  const parsed = new Map<string, Target | Refusal>()
  return url => {
    const known = parsed.get(url)
    if (known !== undefined) return known
    const target = parse(url)
    const oldest = parsed.size >= ENTRIES_MAX ? parsed.keys().next().value : undefined
    if (oldest !== undefined) parsed.delete(oldest)
    parsed.set(url, target)
    return target
  }
}

/** The guard by the operator's rules; nothing is looked up before it is asked. */
export const createGuard = (options: GuardOptions = {}): Guard => {
  const { allowCidrs, allowHosts, denyPorts, httpsOnly, cacheMs, resolveMs, now, ...given } = { ...DEFAULTS, ...options }
  const ownAddresses = given.ownAddresses ?? listOwnAddresses()
  const resolve = given.resolve ?? createResolve(host => isAllowedHost(host, allowHosts))

  const judge = createRemember({ ask: createJudgeHost({ allowCidrs, allowHosts, ownAddresses, resolve, resolveMs }), cacheMs, entriesMax: ENTRIES_MAX, now })
  const rules = { allowHosts, denyPorts: new Set(denyPorts), httpsOnly }
  const parse = createParse(url => toTarget(url, rules))

  const route: Guard['route'] = url => {
    const target = parse(url)
    if (target.kind === 'refused') return target
    const verdict = judge(target.host)
    return verdict instanceof Promise ? verdict.then(judged => toRoute(target, judged)) : toRoute(target, verdict)
  }

  return {
    route,
    checkUrl: async url => {
      const judged = await route(url)
      return judged.kind === 'refused' ? judged : { kind: 'allowed', url: judged.url }
    }
  }
}
