import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { DENIED_PORTS, createGuard, toGuardOptions, type GuardOptions, type RefusalCode } from './guard.ts'

type Verdict = RefusalCode | 'allowed'
/** Cases of server-side request forgery by number. `addresses` are tried in a URL and as the answer of a name server. */
type Row = { n: number, is: Verdict, addresses?: string[], urls?: string[], options?: GuardOptions }

const answers: Record<string, string[]> = {
  'public.example': ['93.184.216.34'],
  'public.': ['93.184.216.34'],
  'xn--jv8h.example.com': ['93.184.216.34'],
  'xn--mnchen-3ya.example': ['10.1.2.3'],
  'mixed.example': ['93.184.216.34', '10.0.0.1'],
  'mixed-families.example': ['93.184.216.34', 'fd12::1'],
  'none.example': [],
  'rubbish.example': ['93.184.216.34', 'not an address'],
  'zone.example': ['fe80::1%eth0'],
  'private.example': ['10.9.8.7'],
  'service.internal': ['10.9.8.7'],
  'metadata.google.internal': ['93.184.216.34']
}
const resolve = async (host: string): Promise<string[]> => {
  const answer = answers[host]
  if (answer === undefined) throw Object.assign(new Error(`no ${host} at 10.255.0.53`), { code: 'ENOTFOUND' })
  return answer
}

const allow = (env: Record<string, string>): GuardOptions => toGuardOptions({ EGRESS_HTTPS_ONLY: false, ...env })
const EVERYTHING = allow({ EGRESS_ALLOW_CIDRS: '0.0.0.0/0,::/0', EGRESS_ALLOW_HOSTS: '*.internal,*.example,metadata' })

const ROWS: Row[] = [
  { n: 1, is: 'address_forbidden', addresses: ['127.0.0.1', '127.0.0.254', '127.254.254.254', '127.255.255.255'] },
  { n: 2, is: 'address_forbidden', addresses: ['0.0.0.0', '0.1.2.3', '0.255.255.255'], urls: ['http://0/'] },
  { n: 3, is: 'address_forbidden', addresses: ['::'] },
  { n: 4, is: 'address_forbidden', addresses: ['::1'], urls: ['http://[::1]:9876/', 'http://[0:0:0:0:0:0:0:1]/'] },
  { n: 4, is: 'userinfo_forbidden', urls: ['https://@[::1]', 'https://1:2@[::1]'] },
  { n: 5, is: 'address_forbidden', addresses: ['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255'] },
  { n: 5, is: 'allowed', addresses: ['9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0'] },
  { n: 6, is: 'address_forbidden', addresses: ['169.254.169.254', '169.254.0.1', '169.254.170.2', 'fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '168.63.129.16', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', '64:ff9b:1::a9fe:a9fe', '64:ff9b:1:a9fe:a9:fe00::', '2002:a9fe:a9fe::1', '::a9fe:a9fe', '::ffff:0:a9fe:a9fe', '2001:0:a9fe:a9fe::', '2001::5601:5601', '2606::5efe:a9fe:a9fe', 'fe80::a9fe:a9fe'], options: EVERYTHING },
  { n: 6, is: 'host_forbidden', urls: ['http://metadata.google.internal/', 'http://METADATA.google.internal./', 'http://metadata/', 'http://instance-data.ec2.internal/'], options: EVERYTHING },
  { n: 7, is: 'address_forbidden', addresses: ['100.64.0.0', '100.127.255.255'] },
  { n: 7, is: 'allowed', addresses: ['100.63.255.254', '100.128.0.1'] },
  { n: 8, is: 'address_forbidden', addresses: ['192.0.0.1', '192.0.0.255', '192.0.2.1', '198.51.100.1', '203.0.113.255', '198.18.0.0', '198.19.255.255', '192.88.99.1', '224.0.0.0', '239.255.255.255', '240.0.0.1', '255.255.255.255'] },
  { n: 8, is: 'allowed', addresses: ['191.255.255.255', '192.0.1.255', '192.0.3.0', '198.51.99.255', '198.51.101.0', '203.0.112.255', '203.0.114.0', '198.17.255.255', '198.20.0.0', '192.88.98.255', '192.88.100.0', '223.255.255.255'] },
  { n: 9, is: 'address_forbidden', addresses: ['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:7f00:1', '::ffff:10.0.0.1'] },
  { n: 9, is: 'allowed', addresses: ['::ffff:8.8.8.8'] },
  { n: 10, is: 'address_forbidden', addresses: ['::127.0.0.1', '::7f00:1', '::8.8.8.8', '::808:808'] },
  { n: 11, is: 'address_forbidden', addresses: ['64:ff9b::a9fe:a9fe', '64:ff9b::7f00:1', '64:ff9b::a00:1', '64:ff9b::127.0.0.1'] },
  { n: 11, is: 'allowed', addresses: ['64:ff9b::808:808', '64:ff9b::8.8.8.8'] },
  { n: 12, is: 'address_forbidden', addresses: ['64:ff9b:1::808:808', '64:ff9b:1:ffff::1', '64:ff9b:2::808:808', '64:ff9b:0:0:0:1:808:808'] },
  { n: 13, is: 'address_forbidden', addresses: ['2002:7f00:1::1', '2002:a9fe:a9fe::1', '2002:808:808::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '::ffff:0:7f00:1', '::ffff:0:808:808', '::5efe:7f00:1', '2606:4700::5efe:7f00:1', '2606:4700::200:5efe:808:808'] },
  { n: 14, is: 'address_forbidden', addresses: ['fe80::1', 'febf:ffff::1', 'fc00::1', 'fdff::1', 'fd7a:115c:a1e0::1', 'fec0::1', 'feff::1', 'ff02::1', '100::1', '2001:db8::1', '3fff::1', '3fff:fff::1', '5f00::1', '2001:2::1', '2001:20::1', '2001:1ff:ffff::1', '4000::1', '1fff::1'] },
  { n: 14, is: 'allowed', addresses: ['2606:4700::1111', '2a00:1450::1', '2001:200::1', '2001:db7:ffff::1', '2001:db9::1', '3ffe::1', '2003::1'] },
  { n: 15, is: 'address_forbidden', addresses: ['ff::1', '2:3:4:5:6:7:8:9', '2002:ffff:ffff::1'] },
  { n: 16, is: 'address_forbidden', urls: ['http://2130706433/', 'http://0x7f000001/', 'http://017700000001/', 'http://0177.0.0.1/', 'http://127.1/', 'http://0x7f.1/', 'http://127.0.0.1./'] },
  { n: 17, is: 'address_forbidden', urls: ['http://１２７.０.０.１/', 'http://①②⑦.0.0.1/', 'http://127。0。0。1/', 'http://%31%32%37.0.0.1/'] },
  { n: 17, is: 'host_forbidden', urls: ['http://loc\u00adalhost/', 'http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/'] },
  { n: 18, is: 'host_forbidden', urls: ['http://localhost/', 'http://localhost./', 'http://LOCALHOST:3000/', 'http://a.localhost/', 'http://foo.internal/', 'http://foo.internal./', 'http://printer.local/', 'http://db.corp/', 'http://postgres/', 'http://a..example/', 'http://public.example../'] },
  { n: 18, is: 'allowed', urls: ['http://public.example./', 'http://PUBLIC.example/'] },
  { n: 19, is: 'url_invalid', urls: ['http://[127.0.0.1]/', 'http://[[::1]]/', 'http://[fe80::1%25eth0]/', 'http://public.example:91337/', 'http://public.example:-12/', 'http://public.example:https/', 'http://public.example:80:80/', 'http://[::1/', 'http:///path', 'http://', ''] },
  { n: 20, is: 'userinfo_forbidden', urls: ['http://public.example@127.0.0.1/', 'http://127.0.0.1@public.example/', 'http://a:b@public.example/', 'http://@public.example/'] },
  { n: 20, is: 'url_invalid', urls: ['http://public.example\\@127.0.0.1/', 'http://public.example#@127.0.0.1/', 'http:127.0.0.1', '//public.example/', '/path', 'http://pub\tlic.example/', 'http://public.example/\u0000', ' http://public.example/', 'http://public.example/a b', 'http:\\\\public.example'] },
  { n: 21, is: 'host_forbidden', urls: ['http://ｍetadata.google.internal/', 'http://METADATA。google。internal/', 'http://ｓervice.internal/'] },
  { n: 21, is: 'address_forbidden', urls: ['http://münchen.example/', 'http://xn--mnchen-3ya.example/', 'http://MÜNCHEN.example/'] },
  { n: 21, is: 'allowed', urls: ['http://münchen.example/', 'http://xn--mnchen-3ya.example/'], options: allow({ EGRESS_ALLOW_HOSTS: 'München.example' }) },
  { n: 21, is: 'allowed', urls: ['https://🔐.example.com/'] },
  { n: 22, is: 'address_forbidden', urls: ['http://mixed.example/', 'http://mixed-families.example/'] },
  { n: 28, is: 'host_forbidden', urls: ['http://backend/', 'http://api/', 'http://host.docker.internal/', 'http://kubernetes.default.svc.cluster.local/'] },
  { n: 29, is: 'address_forbidden', addresses: ['93.184.216.40', '2606:4700::40', '::ffff:93.184.216.40'], options: { ownAddresses: ['93.184.216.40', '2606:4700::40'] } },
  { n: 29, is: 'port_forbidden', urls: ['http://public.example:4222/', 'http://public.example:5432/', 'http://public.example:8222/'] },
  { n: 30, is: 'host_not_found', urls: ['http://unknown.example/', 'http://none.example/'] },
  { n: 30, is: 'address_forbidden', urls: ['http://rubbish.example/', 'http://zone.example/', 'http://zone.example/?allowed'], options: allow({ EGRESS_ALLOW_CIDRS: '10.0.0.0/8' }) },
  { n: 34, is: 'scheme_forbidden', urls: ['gopher://public.example/', 'file:///etc/passwd', 'ftp://public.example/', 'ws://public.example/', 'javascript://public.example/'] },
  { n: 34, is: 'scheme_forbidden', urls: ['http://public.example/'], options: { httpsOnly: true } },
  { n: 34, is: 'allowed', urls: ['https://public.example/'], options: { httpsOnly: true } },
  { n: 34, is: 'port_forbidden', urls: [22, 25, 53, 110, 143, 389, 445, 465, 587, 993, 3306, 6222, 6379, 11211, 27017, 0].map(port => `http://public.example:${port}/`) },
  { n: 34, is: 'allowed', urls: ['http://public.example:22/', 'http://public.example:8443/'], options: allow({ EGRESS_DENY_PORTS: '8080' }) },
  { n: 34, is: 'port_forbidden', urls: ['http://public.example:8080/'], options: allow({ EGRESS_DENY_PORTS: '8080' }) }
]

// What only a connection can show stands in the live test, by the same number; the routes refuse what 33 names as well.
const LIVE = [23, 24, 25, 26, 27, 31, 32, 33]

const toUrl = (address: string): string => `https://${address.includes(':') ? `[${address}]` : address}/`

const judge = async (url: string, options: GuardOptions): Promise<Verdict> => {
  const verdict = await createGuard({ resolve, ...options }).checkUrl(url)
  return verdict.kind === 'allowed' ? 'allowed' : verdict.code
}

t.test('every case of server-side request forgery gets its verdict', async t => {
  for (const { n, is, addresses = [], urls = [], options = {} } of ROWS) {
    for (const url of urls) t.equal(await judge(url, options), is, `case ${n}: ${url}`)
    for (const address of addresses) {
      t.equal(await judge(toUrl(address), options), is, `case ${n}: ${address} in a URL`)
      const answered = { ...options, resolve: async () => ['93.184.216.34', address] }
      t.equal(await judge('https://public.example/', answered), is, `case ${n}: ${address} as an answer`)
    }
  }
  const live = await readFile(join(import.meta.dirname, 'http-fast.test.ts'), 'utf8')
  for (const n of LIVE) t.ok(live.includes(`t.test('case ${n}: `), `case ${n} is tried live`)
  t.strictSame([...new Set([...ROWS.map(({ n }) => n), ...LIVE])].sort((a, b) => a - b), Array.from({ length: 34 }, (_, index) => index + 1))
})

t.test('an operator opens what is needed, and no more', async t => {
  const options = allow({ EGRESS_ALLOW_CIDRS: '10.9.0.0/16, fd12::/16,127.0.0.1', EGRESS_ALLOW_HOSTS: 'service.internal,*.partner.example' })
  const tried = ['http://private.example/', 'http://10.9.255.255/', 'http://10.8.255.255/', 'http://10.10.0.0/', 'http://[fd12:1::1]/', 'http://[fd13::1]/', 'http://127.0.0.1/', 'http://127.0.0.2/', 'http://service.internal/', 'http://other.internal/', 'http://[::ffff:10.9.0.1]/', 'http://[64:ff9b::10.9.0.1]/']
  t.strictSame(await Promise.all(tried.map(url => judge(url, options))), ['allowed', 'allowed', 'address_forbidden', 'address_forbidden', 'allowed', 'address_forbidden', 'allowed', 'address_forbidden', 'allowed', 'host_forbidden', 'allowed', 'address_forbidden'])
  t.equal(await judge('http://a.partner.example/', { ...options, resolve: async () => ['192.168.1.1'] }), 'allowed')
  t.equal(await judge('http://partner.example/', { ...options, resolve: async () => ['192.168.1.1'] }), 'address_forbidden')
  t.equal(await judge('http://evil-partner.example/', { ...options, resolve: async () => ['192.168.1.1'] }), 'address_forbidden')
  t.equal(await judge('http://a.partner.example/', { ...options, resolve: async () => ['169.254.169.254'] }), 'address_forbidden', 'not even for an allowed host')
})

t.test('a list that does not fit is named with its entry', async t => {
  const wrong: [Record<string, string>, RegExp][] = [
    [{ EGRESS_ALLOW_CIDRS: '10.0.0.0/8,10.0.0.0/33' }, /EGRESS_ALLOW_CIDRS: "10.0.0.0\/33"/],
    [{ EGRESS_ALLOW_CIDRS: '10.0.0.5/8' }, /no bits beyond the prefix/],
    [{ EGRESS_ALLOW_CIDRS: '::ffff:10.0.0.0/104' }, /IPv4 not inside IPv6/],
    [{ EGRESS_ALLOW_CIDRS: '10/8' }, /"10\/8"/],
    [{ EGRESS_ALLOW_CIDRS: '10.0.0.0/' }, /"10.0.0.0\/"/],
    [{ EGRESS_ALLOW_CIDRS: 'host.example' }, /no host names/],
    [{ EGRESS_ALLOW_HOSTS: 'https://host.example' }, /EGRESS_ALLOW_HOSTS: "https:\/\/host.example"/],
    [{ EGRESS_ALLOW_HOSTS: 'host.example:8080' }, /no port/],
    [{ EGRESS_ALLOW_HOSTS: '10.0.0.1' }, /addresses go to EGRESS_ALLOW_CIDRS/],
    [{ EGRESS_ALLOW_HOSTS: 'a.*.example' }, /"a\.\*\.example"/],
    [{ EGRESS_DENY_PORTS: '22,ssh' }, /EGRESS_DENY_PORTS: "ssh"/],
    [{ EGRESS_DENY_PORTS: '65536' }, /"65536"/]
  ]
  for (const [env, message] of wrong) t.throws(() => allow(env), { name: 'GuardEnvError', message })
  t.strictSame(allow({ EGRESS_DENY_PORTS: 'none' }).denyPorts, [])
  t.strictSame(allow({ EGRESS_DENY_PORTS: '+8080, 9000' }).denyPorts, [...DENIED_PORTS, 8080, 9000])
  t.notOk('denyPorts' in allow({}), 'without a list the default stands')
})

t.test('what is told names the mistake and never an address behind a name', async t => {
  const guard = createGuard({ resolve })
  for (const url of ['http://mixed.example/', 'http://private.example/', 'http://rubbish.example/', 'http://unknown.example/', 'http://localhost/', 'http://a:b@public.example/']) {
    const verdict = await guard.checkUrl(url)
    t.match(verdict, { kind: 'refused', detail: /^[A-Z].*\.$/ })
    t.notMatch(JSON.stringify(verdict), /10\.\d|fd12|255\.0\.53|not an address/, url)
  }
  t.match(await guard.checkUrl('http://private.example/'), { detail: /private\.example resolves to an address that is private or reserved.*EGRESS_ALLOW_CIDRS/ })
  t.strictSame(await guard.checkUrl('HTTPS://Public.Example.:443/a/../b?c=d'), { kind: 'allowed', url: 'https://public.example/b?c=d' })
})

t.test('a verdict serves a few seconds, is asked for once, and fails closed', async t => {
  let nowMs = 0
  let current = ['93.184.216.34']
  const asked: string[] = []
  const guard = createGuard({ cacheMs: 1_000, now: () => nowMs, resolve: async host => { asked.push(host); return current } })
  await Promise.all([1, 2, 3].map(path => guard.route(`https://a.example/${path}`)))
  t.equal(asked.length, 1, 'who asks at the same time shares the answer')
  nowMs = 499
  t.match(guard.route('https://a.example/1'), { kind: 'route', addresses: ['93.184.216.34'] }, 'at once, no promise')
  t.equal(asked.length, 1)
  current = ['10.0.0.1']
  nowMs = 501
  t.match(guard.route('https://a.example/1'), { kind: 'route' }, 'still serves while it is asked for again')
  await new Promise(resolve => setImmediate(resolve))
  t.equal(asked.length, 2)
  t.match(await guard.route('https://a.example/1'), { kind: 'refused', code: 'address_forbidden' }, 'and the new answer counts')
  nowMs = 10_000
  current = ['93.184.216.34']
  t.match(await guard.route('https://a.example/1'), { kind: 'route' }, 'a verdict past its time serves nobody')
  t.equal(asked.length, 3)
  const usual = createGuard({ resolve: async host => { asked.push(host); return current } })
  await usual.route('https://b.example/1')
  t.match(usual.route('https://b.example/2'), { kind: 'route' }, 'as it is, too')
  t.equal(asked.length, 4)
  const silent = createGuard({ resolveMs: 20, resolve: () => new Promise(() => undefined) })
  t.match(await silent.checkUrl('https://a.example/'), { kind: 'refused', code: 'resolve_failed' })
  const broken = createGuard({ resolve: async () => { throw Object.assign(new Error('queryA ESERVFAIL 10.0.0.53'), { code: 'ESERVFAIL' }) } })
  t.match(await broken.checkUrl('https://a.example/'), { kind: 'refused', code: 'resolve_failed', detail: /name servers did not answer/ })
})
