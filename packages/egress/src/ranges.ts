import ipaddr from 'ipaddr.js'

type Address = ReturnType<typeof ipaddr.parse>

/** A block of addresses and what it is for. */
export type Range = { cidr: [Address, number], what: string }

const toRanges = (byPurpose: Record<string, readonly string[]>): Range[] =>
  Object.entries(byPurpose).flatMap(([what, cidrs]) => cidrs.map((cidr): Range => ({ what, cidr: ipaddr.parseCIDR(cidr) })))

/**
 * Where machines of a cloud get their credentials, and link-local beside it: forbidden whatever the operator allows.
 * AWS, ECS, EKS, Azure, GCP, OpenStack, DigitalOcean, Scaleway and Tencent answer inside 169.254.0.0/16; the others are Alibaba, Oracle Classic,
 * Azure's WireServer, and the IPv6 ones of AWS, GCP, Oracle and Scaleway (each vendor's page "instance metadata").
 */
export const NEVER_ALLOWED: readonly Range[] = toRanges({
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  'cloud metadata': [
    '100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32',
    'fd00:ec2::/32', 'fd20:ce::254/128', 'fd00:c1::a9fe:a9fe/128', 'fd00:42::42/128'
  ]
})

/** IANA IPv4 Special-Purpose Address Registry (RFC 6890), multicast (RFC 5771) and class E (RFC 1112). The rest is public. */
export const FORBIDDEN_V4: readonly Range[] = toRanges({
  'this network': ['0.0.0.0/8'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  'shared by a carrier': ['100.64.0.0/10'],
  loopback: ['127.0.0.0/8'],
  'link-local': ['169.254.0.0/16'],
  'protocol assignments': ['192.0.0.0/24'],
  documentation: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'],
  '6to4 relay': ['192.88.99.0/24'],
  benchmarking: ['198.18.0.0/15'],
  multicast: ['224.0.0.0/4'],
  reserved: ['240.0.0.0/4']
})

/** The only public block of IPv6 (RFC 4291, section 2.4); all outside it is forbidden, but NAT64 with a public IPv4 address inside. */
export const PUBLIC_V6: readonly Range[] = toRanges({ 'global unicast': ['2000::/3'] })

/** IANA IPv6 Special-Purpose Address Registry, inside 2000::/3. */
export const FORBIDDEN_V6: readonly Range[] = toRanges({
  'protocol assignments, Teredo among them': ['2001::/23'],
  documentation: ['2001:db8::/32', '3fff::/20'],
  '6to4': ['2002::/16']
})

/** NAT64 of the well-known prefix (RFC 6052): stands for the IPv4 address inside. */
export const NAT64: readonly Range[] = toRanges({ NAT64: ['64:ff9b::/96'] })

/** Takes the four bytes of an IPv4 address out of the sixteen of an IPv6 address. */
export type Place = (bytes: readonly number[]) => number[]

const at = (...indexes: number[]): Place => bytes => indexes.map(index => bytes[index] ?? 0)

/** The last 32 bits. */
export const LAST = at(12, 13, 14, 15)

const carrier = (prefix: string, ...places: Place[]): Range & { places: Place[] } => ({ cidr: ipaddr.parseCIDR(prefix), what: prefix, places })

/** Forms of IPv6 that carry an IPv4 address, and where. IPv4-mapped is not here: it is read as IPv4 at once. */
export const CARRIERS = [
  carrier('64:ff9b::/96', LAST),
  // RFC 8215 leaves the prefix length to the network: RFC 6052, section 2.2, says where each puts the address.
  carrier('64:ff9b:1::/48', LAST, at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12)),
  // IPv4-compatible (RFC 4291, section 2.5.5.1) and IPv4-translated (RFC 7915).
  carrier('::/96', LAST),
  carrier('::ffff:0:0:0/96', LAST),
  // 6to4 (RFC 3056), and Teredo (RFC 4380, section 4): its server in the open, its client inverted.
  carrier('2002::/16', at(2, 3, 4, 5)),
  carrier('2001::/32', at(4, 5, 6, 7), bytes => LAST(bytes).map(byte => byte ^ 0xff))
]
