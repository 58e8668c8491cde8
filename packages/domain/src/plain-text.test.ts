import fc from 'fast-check'
import t from 'tap'
import { hasControlCharacter, stripHtmlTags } from './plain-text.ts'

const CASES: [string, string][] = [
  ['Security desk', 'Security desk'],
  ['<b>Security</b> desk', 'Security desk'],
  ['<script>alert(1)</script>', 'alert(1)'],
  ['<scr<script>ipt>alert(1)</scr</script>ipt>', 'ipt>alert(1)ipt>'],
  ['<<b>img src=x onerror=alert(1)>', ''],
  ['a <img src=x onerror=alert(1)', 'a '],
  ['<!-- a --> b', ' b'],
  ['<?php x ?>y', 'y'],
  ['&lt;script&gt;x&lt;/script&gt;', 'x'],
  ['&amp;lt;img src=x&amp;gt;x', 'x'],
  ['&#60;b&#x3E;x', 'x'],
  ['&#x00003c;b>x', 'x'],
  ['&LTb>', '&LTb>'],
  ['&lt b&gt', '< b>'],
  ['CVSS < 7 and > 3', 'CVSS < 7 and > 3'],
  ['R&amp;D', 'R&amp;D'],
  ['1<2', '1<2']
]

t.test('tags go, text stays', async t => {
  for (const [given, wanted] of CASES) t.equal(stripHtmlTags(given), wanted, given)
})

const piece = fc.constantFrom('<', '>', '/', 'script', 'b', ' ', '&lt;', '&gt;', '&amp;', '&', 'lt;', '#60;', '#x3c;', '!', '--', '"', "'", 'img src=x', '?', 'a', '\n')
const tricky = fc.array(piece, { maxLength: 24 }).map(pieces => pieces.join(''))

t.test('whatever is given, nothing in the answer begins a tag', async () => {
  fc.assert(fc.property(fc.oneof(tricky, fc.string()), text => {
    const stripped = stripHtmlTags(text)
    return !/<[a-z/!?]/i.test(stripped) && !/&(amp;)*(lt|#0*60|#x0*3c);/i.test(stripped) && stripHtmlTags(stripped) === stripped
  }), { numRuns: 5_000 })
})

t.test('text without < and & is left alone', async () => {
  fc.assert(fc.property(fc.string().filter(text => !/[<&]/.test(text)), text => stripHtmlTags(text) === text))
})

t.test('control characters are seen', async t => {
  for (const bad of ['a\nb', 'a\u0000', '\u007f', 'a\u2028b', '\u0085', '\ud800']) t.ok(hasControlCharacter(bad), encodeURI(bad.toWellFormed()))
  for (const good of ['', 'Größe 10', '日本語', '🦊']) t.notOk(hasControlCharacter(good), good)
})
