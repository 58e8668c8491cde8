import { Type, type Static } from '@sinclair/typebox'
import { findCidr } from './address.ts'
import { findHostPattern } from './host-name.ts'
import type { Range } from './ranges.ts'
import { DENIED_PORTS } from './target.ts'

/** What every service that contacts the outside, or checks URLs, reads. Empty or unset: the strict default. */
export const GuardEnv = Type.Object({
  EGRESS_ALLOW_CIDRS: Type.Optional(Type.String({ description: 'Ranges allowed beside public addresses, separated by commas: 10.20.0.0/16,fd12::/16. Metadata addresses stay forbidden' })),
  EGRESS_ALLOW_HOSTS: Type.Optional(Type.String({ description: 'Hosts allowed whatever their addresses, separated by commas: jira.corp.example,*.svc.corp.example' })),
  EGRESS_DENY_PORTS: Type.Optional(Type.String({ description: 'Ports never contacted, separated by commas, or "none"; replaces the list of well-known ports that are not HTTP, adds to it when it begins with +' })),
  EGRESS_HTTPS_ONLY: Type.Boolean({ description: 'Refuse http:// URLs', default: false })
})
export type GuardEnv = Static<typeof GuardEnv>

/** A list of the guard does not fit; `message` names the variable and the entry. */
export class GuardEnvError extends Error {
  override name = 'GuardEnvError'
}

const toEntries = (list: string | undefined): string[] => (list ?? '').split(',').map(entry => entry.trim()).filter(entry => entry !== '')

const parseCidr = (entry: string): Range => {
  const range = findCidr(entry)
  if (range === undefined) throw new GuardEnvError(`EGRESS_ALLOW_CIDRS: "${entry}" is not a range such as 10.20.0.0/16 or fd12::/16 (no bits beyond the prefix, no host names, IPv4 not inside IPv6)`)
  return range
}

const parseHost = (entry: string): string => {
  const pattern = findHostPattern(entry)
  if (pattern === undefined) throw new GuardEnvError(`EGRESS_ALLOW_HOSTS: "${entry}" is not a host such as jira.corp.example or *.corp.example (no scheme, no port; addresses go to EGRESS_ALLOW_CIDRS)`)
  return pattern
}

const parsePort = (entry: string): number => {
  const port = /^\d{1,5}$/.test(entry) ? Number(entry) : 0
  if (port < 1 || port > 65_535) throw new GuardEnvError(`EGRESS_DENY_PORTS: "${entry}" is not a port from 1 to 65535, and not "none"`)
  return port
}

const findPorts = (list: string | undefined): { denyPorts: number[] } | undefined => {
  const adds = list?.trimStart().startsWith('+') === true
  const entries = toEntries(adds ? list?.trimStart().slice(1) : list)
  if (entries.length === 0) return undefined
  if (adds) return { denyPorts: [...DENIED_PORTS, ...entries.map(parsePort)] }
  return { denyPorts: entries.join() === 'none' ? [] : entries.map(parsePort) }
}

/** Options for createGuard from the environment. Throws a GuardEnvError that names the entry that does not fit. */
export const toGuardOptions = (env: GuardEnv): { allowCidrs: Range[], allowHosts: string[], denyPorts?: number[], httpsOnly: boolean } => ({
  allowCidrs: toEntries(env.EGRESS_ALLOW_CIDRS).map(parseCidr),
  allowHosts: toEntries(env.EGRESS_ALLOW_HOSTS).map(parseHost),
  ...findPorts(env.EGRESS_DENY_PORTS),
  httpsOnly: env.EGRESS_HTTPS_ONLY
})
