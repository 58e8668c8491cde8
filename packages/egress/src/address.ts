// Which addresses may be contacted. Guarantees: what is not known to be public is forbidden; an IPv4 address is forbidden in every IPv6
// form that carries it; metadata and link-local addresses are forbidden whatever the operator allows, in every such form as well.
import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { CARRIERS, FORBIDDEN_V4, FORBIDDEN_V6, LAST, NAT64, NEVER_ALLOWED, PUBLIC_V6, type Range } from './ranges.ts'

export type Address = ReturnType<typeof ipaddr.parse>

/** `never`: no allow-list opens it. `why` is for operators: it tells what kind of address it is. */
export type AddressVerdict = { kind: 'allowed' } | { kind: 'forbidden', why: string, never: boolean }

const ALLOWED: AddressVerdict = { kind: 'allowed' }
const QUAD_AT_END = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/

// ipaddr.js reads `::1.2.3.4` as `::ffff:1.2.3.4`, another address: it gets the four bytes as two hexadecimal groups.
const toHexGroups = (_quad: string, ...bytes: string[]): string => {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number)
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

const parseV6 = (text: string): Address | undefined => {
  if (!isIPv6(text) || text.includes('%')) return undefined
  const address = ipaddr.IPv6.parse(text.replace(QUAD_AT_END, toHexGroups))
  // The kernel sends to ::ffff:a.b.c.d as IPv4: it is that address.
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

/** An IPv4 address of four decimal parts or an IPv6 address without a zone; undefined for anything else, names among them. */
export const findAddress = (text: string): Address | undefined => {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text)
  return parseV6(text)
}

const isIn = (address: Address, { cidr: [network, bits] }: Range): boolean =>
  address.kind() === network.kind() && address.match([network, bits])

const find = (address: Address, ranges: readonly Range[]): Range | undefined => ranges.find(range => isIn(address, range))

const toV4 = (bytes: readonly number[]): Address => new ipaddr.IPv4([...bytes])

// RFC 5214, section 6.1: the interface identifier 0:5efe or 200:5efe says that IPv4 follows.
const isIsatap = (bytes: readonly number[]): boolean => {
  const [first = 1, ...rest] = bytes.slice(8, 12)
  return (first & 0xfd) === 0 && rest.join() === '0,94,254'
}

/** The IPv4 addresses that an IPv6 address carries in one of the forms known. */
const toCarried = (address: Address): Address[] => {
  if (address.kind() === 'ipv4') return []
  const bytes = address.toByteArray()
  const forms = CARRIERS.filter(carrier => isIn(address, carrier)).flatMap(({ places }) => places)
  return [...forms, ...(isIsatap(bytes) ? [LAST] : [])].map(place => toV4(place(bytes)))
}

const toForbidden = (why: string, never = false): AddressVerdict => ({ kind: 'forbidden', why, never })

const judgeV4 = (address: Address): AddressVerdict => {
  const range = find(address, FORBIDDEN_V4)
  return range === undefined ? ALLOWED : toForbidden(range.what)
}

const judgeV6 = (address: Address): AddressVerdict => {
  if (find(address, NAT64) !== undefined) return judgeV4(toV4(LAST(address.toByteArray())))
  if (find(address, PUBLIC_V6) === undefined) return toForbidden('not global unicast')
  if (isIsatap(address.toByteArray())) return toForbidden('ISATAP')
  const range = find(address, FORBIDDEN_V6)
  return range === undefined ? ALLOWED : toForbidden(range.what)
}

const findNever = (address: Address): Range | undefined =>
  [address, ...toCarried(address)].map(reading => find(reading, NEVER_ALLOWED)).find(range => range !== undefined)

/** The verdict over an address before the operator's allow-list. */
export const judgeAddress = (address: Address): AddressVerdict => {
  const verdict = address.kind() === 'ipv4' ? judgeV4(address) : judgeV6(address)
  const never = findNever(address)
  return never === undefined ? verdict : toForbidden(never.what, true)
}

/** Parses `10.0.0.0/8` or a single address; undefined when it is neither, or has bits beyond its prefix. */
export const findCidr = (text: string): Range | undefined => {
  const [network = '', bitsText] = text.split('/')
  const address = findAddress(network)
  if (address === undefined || text.split('/').length > 2) return undefined
  const bitsMax = address.toByteArray().length * 8
  const bits = bitsText === undefined ? bitsMax : Number(/^\d{1,3}$/.exec(bitsText)?.[0])
  if (!(bits <= bitsMax)) return undefined
  const isBare = address.toByteArray().every((byte, index) => (byte & (0xff >> Math.min(8, Math.max(0, bits - index * 8)))) === 0)
  return isBare ? { cidr: [address, bits], what: text } : undefined
}

/** Whether the address lies in one of the ranges. */
export const isInside = (address: Address, ranges: readonly Range[]): boolean => find(address, ranges) !== undefined
