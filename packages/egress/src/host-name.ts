import { domainToASCII } from 'node:url'

/** Names of metadata services: forbidden whatever the operator allows (each vendor's page "instance metadata"). */
const METADATA_NAMES = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'metadata.tencentyun.com', 'instance-data', 'instance-data.ec2.internal'])

// RFC 6761 (localhost), RFC 6762 (local), ICANN SAC113 (internal), RFC 8375 (home.arpa), and what private networks call themselves
// (RFC 6762, appendix G).
const INTERNAL = /^(localhost|.*\.(localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa))$/
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/
const NAME_CHARS_MAX = 253

/** A host name as it is compared: ASCII, lower case, without the dot at its end. */
export const toPlainName = (host: string): string => domainToASCII(host).replace(/\.$/, '')

const isName = (name: string): boolean => name.length <= NAME_CHARS_MAX && name.split('.').every(label => LABEL.test(label))

const isListed = (name: string, pattern: string): boolean => pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern

/** Whether an operator's list (names, or `*.` and a name for all below it) has the name. */
export const isAllowedHost = (name: string, allowHosts: readonly string[]): boolean => allowHosts.some(pattern => isListed(name, pattern))

/** What is wrong with a host name before it is resolved, as one sentence; undefined when nothing is. */
export const findNameFault = (name: string, allowHosts: readonly string[]): string | undefined => {
  if (!isName(name)) return 'The host is not a host name: check the spelling.'
  if (METADATA_NAMES.has(name)) return 'The host is a metadata service of a cloud, which is never contacted.'
  if (isAllowedHost(name, allowHosts)) return undefined
  if (INTERNAL.test(name)) return `The host ${name} belongs to an internal network: use a public host, or ask the operator to list it in EGRESS_ALLOW_HOSTS.`
  return name.includes('.') ? undefined : `The host ${name} has no domain: write its full name, or ask the operator to list it in EGRESS_ALLOW_HOSTS.`
}

/** A pattern of EGRESS_ALLOW_HOSTS as it is compared; undefined when it is no host name. */
export const findHostPattern = (text: string): string | undefined => {
  const [, star = '', host = ''] = /^(\*\.)?(.+)$/.exec(text) ?? []
  const name = toPlainName(host)
  return isName(name) && !/(^|\.)[0-9]+$/.test(name) ? star + name : undefined
}
