import { createHmac } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { toSignatureHeaders } from './signature.ts'

const body = JSON.stringify({ id: 'e-1', type: 'finding.created', data: { title: 'Ünïcode ✓' } })
const now = (): number => Math.floor(Date.now() / 1_000)

t.test('X-TW-Signature is the hex HMAC-SHA256 of the raw body', async t => {
  const { 'X-TW-Signature': signature } = toSignatureHeaders({ id: 'd-1', timestampS: 1, body, secrets: ['geheim'] })
  t.equal(signature, `sha256=${createHmac('sha256', 'geheim').update(Buffer.from(body)).digest('hex')}`)
})

t.test('a verifier nobody here wrote accepts the Standard Webhooks signature', async t => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 24, maxLength: 64 }), fc.string({ unit: 'binary' }), async (key, text) => {
    const base64 = Buffer.from(key).toString('base64')
    const timestampS = now()
    const headers = toSignatureHeaders({ id: 'd-1', timestampS, body: JSON.stringify(text), secrets: [`whsec_${base64}`] })
    new Webhook(base64).verify(JSON.stringify(text), { 'webhook-id': 'd-1', 'webhook-timestamp': String(timestampS), ...headers })
  }))
  const headers = toSignatureHeaders({ id: 'd-1', timestampS: now(), body, secrets: ['any words at all'] })
  const plain = new Webhook('any words at all', { format: 'raw' })
  t.ok(plain.verify(body, { 'webhook-id': 'd-1', 'webhook-timestamp': String(now()), ...headers }))
  t.throws(() => plain.verify(`${body} `, { 'webhook-id': 'd-1', 'webhook-timestamp': String(now()), ...headers }), 'a changed body is refused')
})

t.test('while a rotated secret overlaps, holders of either secret verify', async t => {
  const timestampS = now()
  const headers = toSignatureHeaders({ id: 'd-1', timestampS, body, secrets: ['new secret', 'old secret'] })
  for (const secret of ['new secret', 'old secret']) {
    t.ok(new Webhook(secret, { format: 'raw' }).verify(body, { 'webhook-id': 'd-1', 'webhook-timestamp': String(timestampS), ...headers }), secret)
    t.ok(headers['X-TW-Signature']?.split(',').includes(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`), `${secret}, plain`)
  }
})

t.test('no secret, no signature', async t => {
  t.strictSame(toSignatureHeaders({ id: 'd-1', timestampS: 1, body, secrets: [] }), {})
})
