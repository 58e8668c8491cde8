import { randomBytes } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { openKeyring } from './keyring.ts'

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`
const context = { tenant: 'default', integrationId: '4be0643f-1d98-573b-97cd-ca98a65347dd', field: 'secret' }
const text = fc.string({ unit: 'grapheme', maxLength: 200 })

t.test('what is sealed opens to the same text, for its own context only, and is never the same twice', async t => {
  const keyring = openKeyring(key('k1'))
  const other = fc.record({ tenant: text, integrationId: text, field: text })
  await fc.assert(fc.asyncProperty(text, other, async (plain, foreign) => {
    const sealed = keyring.seal(plain, context)
    t.strictSame(keyring.unseal(sealed, context), { ok: true, plain })
    if (keyring.seal(plain, context) === sealed) throw new Error('Sealed the same twice')
    if (keyring.unseal(sealed, foreign).ok) throw new Error('Opened for another')
  }))
  const shifted = { tenant: 'defaul', integrationId: `t${context.integrationId}`, field: 'secret' }
  t.strictSame(keyring.unseal(keyring.seal('x', context), shifted), { ok: false, reason: 'tampered' }, 'parts of the context cannot be moved')
})

t.test('any changed character is noticed', async t => {
  const keyring = openKeyring(key('k1'))
  const sealed = keyring.seal('a secret worth keeping', context)
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: sealed.length - 1 }), fc.constantFrom(...'ABCabc019._-'), async (index, character) => {
    const changed = sealed.slice(0, index) + character + sealed.slice(index + 1)
    // The last character of base64url carries unused bits: another spelling of the same bytes is no change.
    const [, , , body = ''] = changed.split('.')
    const same = changed === sealed || (changed.startsWith(sealed.slice(0, -1)) && Buffer.from(body, 'base64url').equals(Buffer.from(sealed.split('.')[3] ?? '', 'base64url')))
    if (!same && keyring.unseal(changed, context).ok) throw new Error(`Opened with character ${index} changed`)
  }), { numRuns: 500 })
  t.strictSame(['', 'v1', 'v1.k1.x.y', 'v2' + sealed.slice(2)].map(broken => keyring.unseal(broken, context)), Array.from({ length: 4 }, () => ({ ok: false, reason: 'malformed' })))
})

t.test('keys are changed without losing a secret', async t => {
  const [first, second] = [key('k1'), key('k2')]
  const before = openKeyring(first)
  const during = openKeyring(`${second}, ${first}`)
  const after = openKeyring(second)
  const sealed = before.seal('kept', context)
  t.notOk(during.isSealedWithNewest(sealed))
  const resealed = during.reseal(sealed, context)
  t.ok(resealed.ok && during.isSealedWithNewest(resealed.sealed))
  t.strictSame(resealed.ok && after.unseal(resealed.sealed, context), { ok: true, plain: 'kept' })
  t.strictSame(after.unseal(sealed, context), { ok: false, reason: 'unknown_key' })
  t.strictSame(after.reseal(sealed, context), { ok: false, reason: 'unknown_key' })
})

t.test('keys that do not fit are named without being shown', async t => {
  for (const keys of ['', 'k1:short', 'hunter2', `${key('k1')},k2:`, `${key('k1')},${key('k1')}`]) {
    t.throws(() => openKeyring(keys), { name: 'KeyringError', message: /VAULT_KEYS/ })
    try { openKeyring(keys) } catch (error) { t.notMatch(String(error), /hunter2|short/) }
  }
})
