import { findAddress, isInside, judgeAddress, type Address } from './address.ts'
import { isAllowedHost } from './host-name.ts'
import type { Range } from './ranges.ts'
import { isUnknownName, type Resolve } from './resolve.ts'
import type { Refusal } from './target.ts'
import { within } from './within.ts'

/** The addresses a host may be contacted at, normalised; `key` is the same for the same set. */
export type HostVerdict = { kind: 'open', addresses: readonly string[], key: string } | Refusal

export type JudgeHostOptions = {
  allowCidrs: readonly Range[]
  allowHosts: readonly string[]
  ownAddresses: readonly string[]
  resolve: Resolve
  resolveMs: number
}

const HINT = 'Use a public one, or ask the operator to allow it (EGRESS_ALLOW_CIDRS or EGRESS_ALLOW_HOSTS).'

const refuse = (code: Refusal['code'], detail: string): Refusal => ({ kind: 'refused', code, detail })

const toUnresolved = (host: string, error?: unknown): Refusal => isUnknownName(error)
  ? refuse('host_not_found', `The host ${host} does not exist: check the spelling.`)
  : refuse('resolve_failed', `The host ${host} could not be looked up: its name servers did not answer.`)

const toOpen = (addresses: readonly Address[]): HostVerdict => {
  const texts = [...new Set(addresses.map(address => address.toString()))].sort()
  return { kind: 'open', addresses: texts, key: texts.join() }
}

/** Resolves a host, or reads it as an address, and judges every address it has. It never rejects: what cannot be resolved is refused. */
export const createJudgeHost = ({ allowCidrs, allowHosts, ownAddresses, resolve, resolveMs }: JudgeHostOptions): ((host: string) => Promise<HostVerdict>) => {
  const own = new Set(ownAddresses.map(address => findAddress(address)?.toString()))

  const isOpen = (address: Address, isHostAllowed: boolean): boolean => {
    const verdict = judgeAddress(address)
    if (verdict.kind === 'forbidden' && verdict.never) return false
    return isHostAllowed || isInside(address, allowCidrs) || (verdict.kind === 'allowed' && !own.has(address.toString()))
  }

  const judgeLiteral = (address: Address): HostVerdict => isOpen(address, false)
    ? toOpen([address])
    : refuse('address_forbidden', `The address ${address.toString()} is private or reserved. ${HINT}`)

  const judgeAnswer = (host: string, answer: readonly string[]): HostVerdict => {
    if (answer.length === 0) return refuse('host_not_found', `The host ${host} has no address: check the spelling.`)
    const addresses = answer.map(findAddress).filter(address => address !== undefined)
    const isHostAllowed = isAllowedHost(host, allowHosts)
    const isSound = addresses.length === answer.length && addresses.every(address => isOpen(address, isHostAllowed))
    // The address itself stays unsaid: the answer of an internal name server is no tenant's business.
    return isSound ? toOpen(addresses) : refuse('address_forbidden', `The host ${host} resolves to an address that is private or reserved. ${HINT}`)
  }

  return async host => {
    const address = findAddress(host)
    if (address !== undefined) return judgeLiteral(address)
    try {
      const answer = await within(resolve(host), resolveMs)
      return answer === undefined ? toUnresolved(host) : judgeAnswer(host, answer)
    } catch (error) {
      return toUnresolved(host, error)
    }
  }
}
