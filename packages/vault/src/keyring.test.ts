import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { KeyringError, openKeyring } from './index.ts'

const toKey = (id: string, bytes = randomBytes(32)): string => `${id}:${bytes.toString('base64')}`
const k1 = toKey('k1')
const k2 = toKey('k2')
const place = { tenant: 'default', integrationId: '6f1c7c4e-0000-4000-8000-000000000001', field: 'secret' }
const text = fc.string({ unit: 'binary', maxLength: 300 })
const places = fc.record({ tenant: text, integrationId: text, field: text })

t.test('what is sealed opens in its place and is nowhere in the sealed text', async t => {
  const keyring = openKeyring(k1)
  fc.assert(fc.property(text, places, (plain, context) => {
    const sealed = keyring.seal(plain, context)
    t.match(sealed, /^v1\.k1\.[\w-]{16}\.[\w-]{22,}$/)
    t.strictSame(keyring.unseal(sealed, context), { ok: true, plain })
  }))
  const [one, two] = [keyring.seal('the same', place), keyring.seal('the same', place)]
  t.not(one, two, 'two seals of one secret are not alike')
  t.notMatch(Buffer.from(one.split('.')[3] ?? '', 'base64url').toString('latin1'), /the same/)
})

t.test('in any other place it does not open', async t => {
  const keyring = openKeyring(k1)
  fc.assert(fc.property(places, places, (own, other) => {
    const isOther = JSON.stringify(Object.values(own)) !== JSON.stringify(Object.values(other))
    t.equal(keyring.unseal(keyring.seal('geheim', own), other).ok, !isOther)
  }))
  const moved = [{ tenant: 'other' }, { integrationId: 'another' }, { field: 'previousSecret' }, { tenant: 'defaul', integrationId: `t${place.integrationId}` }]
  for (const change of moved) t.strictSame(keyring.unseal(keyring.seal('geheim', place), { ...place, ...change }), { ok: false, reason: 'tampered' })
})

const flip = (base64url: string, bit: number): string => {
  const bytes = Buffer.from(base64url, 'base64url')
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return bytes.toString('base64url')
}

t.test('any flipped bit, and any other character, keeps it shut', async t => {
  const keyring = openKeyring(`${k2},${k1}`)
  const sealed = keyring.seal('geheim und länger', place)
  const [, , iv = '', body = ''] = sealed.split('.')
  const bits = (text: string): number[] => [...Array(Buffer.from(text, 'base64url').length * 8).keys()]
  const flipped = [...bits(iv).map(bit => `v1.k2.${flip(iv, bit)}.${body}`), ...bits(body).map(bit => `v1.k2.${iv}.${flip(body, bit)}`)]
  t.equal(flipped.length, (12 + Buffer.byteLength('geheim und länger') + 16) * 8)
  t.strictSame(new Set(flipped.map(changed => JSON.stringify(keyring.unseal(changed, place)))), new Set(['{"ok":false,"reason":"tampered"}']))
  fc.assert(fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...'AZaz09-_.=+/ '), (at, character) => {
    const changed = `${sealed.slice(0, at)}${character}${sealed.slice(at + 1)}`
    t.equal(keyring.unseal(changed, place).ok, changed === sealed, changed)
  }), { numRuns: 500 })
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string().map(rest => `v1.k1.${rest}`)), rubbish => {
    t.notOk(keyring.unseal(rubbish, place).ok)
  }))
  t.strictSame(keyring.unseal(`v1.k1.${sealed.slice(6)}`, place), { ok: false, reason: 'tampered' }, 'under the name of another key')
  t.notOk(keyring.unseal(sealed.slice(0, -4), place).ok, 'cut short')
  t.strictSame(keyring.unseal('geheim', place), { ok: false, reason: 'malformed' })
})

t.test('a key is replaced without losing what the old one sealed', async t => {
  const before = openKeyring(k1)
  const during = openKeyring(` ${k2} , ${k1} `)
  const after = openKeyring(k2)
  const old = before.seal('geheim', place)
  t.strictSame(during.unseal(old, place), { ok: true, plain: 'geheim' })
  t.equal(during.isSealedWithNewest(old), false)
  t.strictSame(after.unseal(old, place), { ok: false, reason: 'unknown_key' })
  const renewed = during.reseal(old, place)
  t.ok(renewed.ok && during.isSealedWithNewest(renewed.sealed))
  t.strictSame(renewed.ok && after.unseal(renewed.sealed, place), { ok: true, plain: 'geheim' })
  t.strictSame(during.reseal(old, { ...place, field: 'x' }), { ok: false, reason: 'tampered' })
  t.strictSame(openKeyring(toKey('k1')).unseal(old, place), { ok: false, reason: 'tampered' }, 'another key under the same id')
  t.equal(during.isSealedWithNewest('v1.k2.'), false)
})

t.test('keys that do not fit are named without being said', async t => {
  const secret = randomBytes(16).toString('base64')
  const wrong: [string, RegExp][] = [
    ['', /VAULT_KEYS is empty/],
    ['  ', /VAULT_KEYS is empty/],
    [secret, /entry 1: expected <id>:<base64 of 32 bytes>/],
    [`${k1},`, /entry 2: expected/],
    [`k1:${secret}`, /key k1: the key has 16 bytes instead of 32/],
    [`k1:${secret}!!`, /key k1: the key is not base64/],
    [`k.1:${secret}`, /entry 1: the id must be/],
    [`${k1},${toKey('k1')}`, /one id twice/],
    [`${k1}:${secret}`, /entry 1: expected/]
  ]
  for (const [value, expected] of wrong) {
    t.throws(() => openKeyring(value), { name: 'KeyringError', message: expected })
    try { openKeyring(value) } catch (error) { t.ok(error instanceof KeyringError && !error.message.includes(secret) && !error.message.includes(k1.slice(3))) }
  }
  const url = randomBytes(32)
  t.ok(openKeyring(`k1:${url.toString('base64').replace(/=+$/, '')}`), 'padding may be left out')
})
