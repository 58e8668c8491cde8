import { findNameFault } from './host-name.ts'
import { findAddress } from './address.ts'

/** Why a URL is refused; stable codes. The last two may pass: the name or its resolver may come back. */
export type RefusalCode =
  | 'url_invalid' | 'scheme_forbidden' | 'userinfo_forbidden' | 'host_forbidden' | 'port_forbidden' | 'address_forbidden'
  | 'host_not_found' | 'resolve_failed'

/** `detail`: one sentence for the administrator, without any resolved address. */
export type Refusal = { kind: 'refused', code: RefusalCode, detail: string }

/** A URL as it is contacted, its host not yet resolved. */
export type Target = {
  kind: 'target'
  /** The URL normalised: host in ASCII and lower case, no dot at its end. */
  url: string
  origin: string
  /** Path and query. */
  path: string
  /** Name, or address without brackets. */
  host: string
}

/** Ports where something else than HTTP listens (https://fetch.spec.whatwg.org/#port-blocking), and databases, brokers, control planes. An operator's list replaces it. */
export const DENIED_PORTS: readonly number[] = [
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123,
  135, 137, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 873, 989, 990, 993,
  995, 1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 4222, 5060, 5061, 5432, 5672, 6000, 6222, 6379, 6443, 6566,
  6665, 6666, 6667, 6668, 6669, 6679, 6697, 8222, 9042, 9092, 9300, 10080, 10250, 11211, 27017
]

export type UrlRules = { allowHosts: readonly string[], denyPorts: ReadonlySet<number>, httpsOnly: boolean }

const refuse = (code: RefusalCode, detail: string): Refusal => ({ kind: 'refused', code, detail })

// URL skips tabs and line breaks, and reads `\` as `/` and `http:host` as `http://host`: what people and URL read differently is refused.
// eslint-disable-next-line no-control-regex
const UNCLEAR = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029\ufeff\\]/
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i

const NOT_ABSOLUTE = 'The URL is not absolute: it should read like https://host/path.'

type Fault = Refusal | undefined

const findTextFault = (text: string, httpsOnly: boolean): Fault => {
  const [, scheme, authority = ''] = ABSOLUTE.exec(text) ?? []
  if (scheme === undefined) return refuse('url_invalid', NOT_ABSOLUTE)
  if (!(httpsOnly ? /^https$/i : /^https?$/i).test(scheme)) return refuse('scheme_forbidden', `The scheme ${scheme.slice(0, 20)}: is not allowed here: use https://.`)
  if (authority.includes('@')) return refuse('userinfo_forbidden', 'The URL holds a user name or password before an @: remove it, and use a header to authenticate.')
  return authority === '' ? refuse('url_invalid', NOT_ABSOLUTE) : undefined
}

const findUrlFault = (url: URL, denyPorts: ReadonlySet<number>): Fault => {
  if (url.href.includes('#')) return refuse('url_invalid', 'The URL has a fragment (#...), which is never sent: remove it.')
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  return port === 0 || denyPorts.has(port)
    ? refuse('port_forbidden', `Port ${port} is not allowed: something else than HTTP listens there. Use another, or ask the operator to change EGRESS_DENY_PORTS.`)
    : undefined
}

const toPlain = (url: URL, allowHosts: readonly string[]): Target | Refusal => {
  const address = findAddress(url.hostname.replace(/^\[|\]$/g, ''))
  const nameFault = address === undefined ? findNameFault(url.hostname, allowHosts) : undefined
  if (nameFault !== undefined) return refuse('host_forbidden', nameFault)
  return { kind: 'target', url: url.href, origin: url.origin, path: url.pathname + url.search, host: address?.toString() ?? url.hostname }
}

/** Parses and normalises a URL by the rules of https://url.spec.whatwg.org and of the operator. Does no I/O. */
export const toTarget = (text: string, { allowHosts, denyPorts, httpsOnly }: UrlRules): Target | Refusal => {
  if (UNCLEAR.test(text)) return refuse('url_invalid', 'The URL holds a space, a control character or a backslash: remove it or percent-encode it.')
  const textFault = findTextFault(text, httpsOnly)
  if (textFault !== undefined) return textFault
  const url = URL.parse(text)
  if (url === null) return refuse('url_invalid', 'The URL cannot be read: check its host and port.')
  const fault = findUrlFault(url, denyPorts)
  if (fault !== undefined) return fault
  // A dot at the end names the same host, but no certificate does.
  url.hostname = url.hostname.replace(/\.$/, '')
  return toPlain(url, allowHosts)
}
