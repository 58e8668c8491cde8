import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import t from 'tap'
import { findAddress, findCidr, judgeAddress } from './address.ts'
import { createGuard } from './guard.ts'
import { FORBIDDEN_V4, NEVER_ALLOWED } from './ranges.ts'

const judge = (text: string): string => {
  const address = findAddress(text)
  return address === undefined ? 'unread' : judgeAddress(address).kind
}
const isNever = (text: string): boolean => {
  const address = findAddress(text)
  const verdict = address === undefined ? undefined : judgeAddress(address)
  return verdict?.kind === 'forbidden' && verdict.never
}

const toQuad = (value: number): string => [24, 16, 8, 0].map(shift => (value >>> shift) & 255).join('.')
const toNumber = (quad: string): number => quad.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
const toGroups = (bytes: readonly number[]): string => ipaddr.fromByteArray([...bytes]).toString()

const blocks = [...FORBIDDEN_V4, ...NEVER_ALLOWED].filter(({ cidr: [network] }) => network.kind() === 'ipv4')
  .map(({ cidr: [network, bits] }) => ({ first: toNumber(network.toString()), last: toNumber(network.toString()) + 2 ** (32 - bits) - 1 }))
const isForbidden = (value: number): boolean => blocks.some(({ first, last }) => value >= first && value <= last)

const forbidden = fc.constantFrom(...blocks).chain(({ first, last }) => fc.oneof(fc.constantFrom(first, last), fc.integer({ min: first, max: last })))
const anyV4 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const group = fc.integer({ min: 0, max: 0xffff }).map(value => value.toString(16))
const prefix = fc.tuple(fc.constantFrom('2001:200', '2001:db7', '2001:db9', '2003:0', '2400:0', '2606:4700', '2a00:0', '3ffe:0', '3fff:1000'), group, group).map(groups => groups.join(':'))

/** Every IPv6 form that carries an IPv4 address; true where a public one may pass. */
const embed = (quad: string): Record<string, [string, boolean]> => {
  const bytes = quad.split('.').map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  const hex = toGroups([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes]).replace('::ffff:', '')
  return {
    mapped: [`::ffff:${quad}`, true],
    mappedHex: [`0:0:0:0:0:ffff:${hex}`, true],
    nat64: [`64:ff9b::${hex}`, true],
    nat64Dotted: [`64:ff9b::${quad}`, true],
    nat64Local: [`64:ff9b:1::${hex}`, false],
    nat64Local48: [toGroups([0, 0x64, 0xff, 0x9b, 0, 1, a, b, 0, c, d, 0, 0, 0, 0, 0]), false],
    nat64Local56: [toGroups([0, 0x64, 0xff, 0x9b, 0, 1, 0, a, 0, b, c, d, 0, 0, 0, 0]), false],
    nat64Local64: [toGroups([0, 0x64, 0xff, 0x9b, 0, 1, 0, 0, 0, a, b, c, d, 0, 0, 0]), false],
    compatible: [`::${quad}`, false],
    siit: [`::ffff:0:${hex}`, false],
    sixToFour: [toGroups([0x20, 2, ...bytes, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]), false],
    teredoServer: [toGroups([0x20, 1, 0, 0, ...bytes, 0, 0, 0, 0, 0, 0, 0, 0]), false],
    teredoClient: [toGroups([0x20, 1, 0, 0, 8, 8, 8, 8, 0, 0, 0, 0, ...bytes.map(byte => byte ^ 255)]), false],
    isatap: [`2606:4700::5efe:${hex}`, false],
    isatapGlobal: [`2606:4700::200:5efe:${hex}`, false]
  }
}

t.test('an IPv4 address has one verdict: its table\'s, at the edges as well', async t => {
  for (const { first, last } of blocks) {
    for (const value of [first - 1, first, last, last + 1].filter(value => value >= 0 && value < 2 ** 32)) {
      t.equal(judge(toQuad(value)), isForbidden(value) ? 'forbidden' : 'allowed', toQuad(value))
    }
  }
  fc.assert(fc.property(fc.oneof(anyV4, forbidden), value => judge(toQuad(value)) === (isForbidden(value) ? 'forbidden' : 'allowed')), { numRuns: 3_000 })
  t.pass('whole ranges')
})

t.test('a forbidden IPv4 address is forbidden in each form that carries it, a public one only where it stands for itself', async t => {
  fc.assert(fc.property(fc.oneof(anyV4, forbidden), value => {
    for (const [form, [text, mayPass]] of Object.entries(embed(toQuad(value)))) {
      const expected = isForbidden(value) || !mayPass ? 'forbidden' : 'allowed'
      if (judge(text) !== expected) throw new Error(`${form} ${text} of ${toQuad(value)} is ${judge(text)}`)
    }
  }), { numRuns: 1_000 })
  fc.assert(fc.property(fc.integer({ min: 0xa9fe0000, max: 0xa9feffff }), value => {
    for (const [form, [text]] of Object.entries(embed(toQuad(value)))) if (!isNever(text)) throw new Error(`${form} ${text} could be allowed`)
  }))
  t.pass('every form')
})

t.test('outside the public block of IPv6 nothing passes but NAT64', async t => {
  const bytes = (first: fc.Arbitrary<number>): fc.Arbitrary<number[]> => fc.tuple(first, fc.uint8Array({ minLength: 15, maxLength: 15 })).map(([head, rest]) => [head, ...rest])
  const outside = fc.integer({ min: 0, max: 255 }).filter(head => head >> 5 !== 1)
  fc.assert(fc.property(fc.oneof(bytes(outside), bytes(fc.constant(0))), address => {
    const text = toGroups(address)
    return /^64:ff9b::(?!.*:.*:)/.test(text) || /^::ffff:[^:]+:[^:]+$/.test(text) || judge(text) === 'forbidden'
  }), { numRuns: 3_000 })
  fc.assert(fc.property(fc.uint8Array({ minLength: 14, maxLength: 14 }), rest => judge(toGroups([0x20, 2, ...rest])) === 'forbidden'))
  fc.assert(fc.property(prefix, fc.tuple(group, group, group), (head, tail) => judge(`${head}:1:${tail.join(':')}`) === 'allowed'))
  t.pass('whole blocks')
})

t.test('every spelling of an IPv4 address gets the verdict of the address', async t => {
  const guard = createGuard()
  const radix = fc.constantFrom((part: number) => String(part), (part: number) => `0x${part.toString(16)}`, (part: number) => `0${part.toString(8)}`, (part: number) => `0x000${part.toString(16).toUpperCase()}`)
  const spell = fc.record({ value: fc.oneof(anyV4, forbidden), parts: fc.integer({ min: 1, max: 4 }), radixes: fc.tuple(radix, radix, radix, radix), dot: fc.constantFrom('.', '。', '．', '%2e'), end: fc.constantFrom('', '.') })
  await fc.assert(fc.asyncProperty(spell, async ({ value, parts, radixes, dot, end }) => {
    const heads = toQuad(value).split('.').slice(0, parts - 1).map(Number)
    const rest = value % 2 ** (8 * (5 - parts))
    const host = [...heads, rest].map((part, index) => radixes[index]?.(part)).join(dot) + end
    const { kind } = await guard.checkUrl(`http://${host}/`)
    return (kind === 'allowed') === !isForbidden(value)
  }), { numRuns: 1_000 })
  t.pass('all spellings')
})

t.test('what is no address is not read as one, and a range is read whole or not at all', async t => {
  for (const text of ['', '1.2.3', '127.1', '010.0.0.1', '1.2.3.4.5', '256.1.1.1', 'fe80::1%eth0', '::1%lo', '1::2::3', ':::', 'host.example', '[::1]', '1.2.3.4/8', '::ffff:1.2.3.256', '::1.2.3', '12345::']) t.equal(findAddress(text), undefined, text)
  fc.assert(fc.property(fc.string(), text => { findAddress(text); findCidr(text) }))
  fc.assert(fc.property(anyV4, fc.integer({ min: 0, max: 32 }), (value, bits) => {
    const isBare = bits === 32 || value % 2 ** (32 - bits) === 0
    return (findCidr(`${toQuad(value)}/${bits}`) !== undefined) === isBare
  }))
  t.ok(['0.0.0.0/0', '::/0', 'fd12::/16', '1.2.3.4', '::1'].every(text => findCidr(text) !== undefined))
  t.ok(['1.2.3.4/', '1.2.3.4/x', '1.2.3.4/8/8', '::/129', 'fd12::1/16'].every(text => findCidr(text) === undefined))
})
