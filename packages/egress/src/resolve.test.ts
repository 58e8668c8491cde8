import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { lookup } from 'node:dns/promises'
import t, { type Test } from 'tap'
import { createGuard } from './guard.ts'
import { createResolve } from './resolve.ts'

type Kind = 'A' | 'AAAA'
type Answer = { A?: string[], AAAA?: string[], codes?: Record<Kind, number> } | 'silence'

const FAILED = 2
const UNKNOWN = 3

const toBytes = (address: string): number[] => address.includes('.')
  ? address.split('.').map(Number)
  : address.split(':').flatMap(group => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255])

// RFC 1035, section 4: the question is repeated, each record points at its name.
const toMessage = (query: Buffer, { codes, ...records }: Exclude<Answer, 'silence'>): Buffer => {
  const end = query.indexOf(0, 12) + 5
  const kind: Kind = query.readUInt16BE(end - 4) === 1 ? 'A' : 'AAAA'
  const data = (records[kind] ?? []).map(toBytes)
  const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80 | (codes?.[kind] ?? 0), 0, 1, 0, data.length, 0, 0, 0, 0])
  const answers = data.map(bytes => Buffer.from([0xc0, 12, 0, kind === 'A' ? 1 : 28, 0, 1, 0, 0, 0, 60, 0, bytes.length, ...bytes]))
  return Buffer.concat([header, query.subarray(12, end), ...answers])
}

const toName = (query: Buffer): string => {
  const labels: string[] = []
  for (let at = 12; (query[at] ?? 0) > 0; at += 1 + (query[at] ?? 0)) labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)))
  return labels.join('.')
}

const openNameServer = async (t: Test, answers: Record<string, Answer>): Promise<string> => {
  const server: Socket = createSocket('udp4', (query, { port, address }) => {
    const answer = answers[toName(query)] ?? { codes: { A: UNKNOWN, AAAA: UNKNOWN } }
    if (answer !== 'silence') server.send(toMessage(query, answer), port, address)
  }).bind(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `127.0.0.1:${server.address().port}`
}

t.test('a name has the addresses of both families, and one family is enough', async t => {
  const servers = [await openNameServer(t, {
    'both.example': { A: ['93.184.216.34', '93.184.216.35'], AAAA: ['2606:4700:0:0:0:0:0:1'] },
    'four.example': { A: ['93.184.216.34'] },
    'six.example': { AAAA: ['2606:4700:0:0:0:0:0:1'] },
    'broken.example': { codes: { A: UNKNOWN, AAAA: FAILED } },
    'silent.example': 'silence',
    'inside.example': { A: ['93.184.216.34'], AAAA: ['fd12:0:0:0:0:0:0:1'] }
  })]
  const resolve = createResolve(() => false, { servers, timeoutMs: 50 })
  t.strictSame(await resolve('both.example'), ['93.184.216.34', '93.184.216.35', '2606:4700::1'])
  t.strictSame(await resolve('four.example'), ['93.184.216.34'])
  t.strictSame(await resolve('six.example'), ['2606:4700::1'])
  await t.rejects(resolve('broken.example'), { code: 'ESERVFAIL' })
  await t.rejects(resolve('silent.example'), { code: 'ETIMEOUT' })
  const guard = createGuard({ resolve })
  t.match(await guard.checkUrl('https://both.example/'), { kind: 'allowed' })
  t.match(await guard.checkUrl('https://inside.example/'), { code: 'address_forbidden' }, 'case 22: one forbidden address of the other family')
  t.match(await guard.checkUrl('https://broken.example/'), { code: 'resolve_failed' })
  t.match(await guard.checkUrl('https://silent.example/'), { code: 'resolve_failed' })
})

t.test('what DNS does not know, and what is local, is asked of the machine', async t => {
  const servers = [await openNameServer(t, { localhost: { A: ['93.184.216.34'] } })]
  const machine = (await lookup('localhost', { all: true })).map(({ address }) => address)
  t.strictSame(await createResolve(host => host === 'localhost', { servers })('localhost'), machine)
  t.strictSame(await createResolve(() => false, { servers: [await openNameServer(t, {})] })('localhost'), machine)
})
