import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { EnvError, ServiceEnv, createMetrics, openHealth, readEnv, repeat } from './index.ts'

const URLS = { NATS_URL: 'nats://127.0.0.1:4222', DATABASE_URL: 'postgresql://someone:HIDDEN@127.0.0.1/tw' }

t.test('the environment is read once, converted, with defaults, and nothing that is not named', async t => {
  const env = readEnv(ServiceEnv, { NATS_URL: 'nats://a:1', NATS_REPLICAS: '3', HEALTH_PORT: '0', SHUTDOWN_GRACE_MS: '', HOME: '/root' })
  t.strictSame(env, { NATS_URL: 'nats://a:1', NATS_REPLICAS: 3, HEALTH_PORT: 0, HEALTH_HOST: '0.0.0.0', LOG_LEVEL: 'info', SHUTDOWN_GRACE_MS: 30_000, DELIVERY_DEADLINE_MS: 15_000 })
})

t.test('an environment that does not fit names each variable and what it should be, and no secret', async t => {
  const schema = Type.Object({ ...ServiceEnv.properties, VAULT_KEYS: Type.String({ minLength: 32 }), API_TOKEN: Type.String({ description: 'who may ask' }) })
  const read = (): unknown => readEnv(schema, { NATS_REPLICAS: 'many', HEALTH_PORT: '65536', LOG_LEVEL: 'loud', VAULT_KEYS: 'hunter2', NATS_URL: ' ' })
  t.throws(read, EnvError)
  t.throws(read, { message: /NATS_REPLICAS is "many": expected integer/ })
  t.throws(read, { message: /HEALTH_PORT is 65536: expected .*65535/ })
  t.throws(read, { message: /LOG_LEVEL is "loud": expected one of silent, error, warn, info, debug/ })
  t.throws(read, { message: /VAULT_KEYS is set, but not as it should be: expected .*32/ })
  t.throws(read, { message: /API_TOKEN is not set: who may ask/ })
  t.throws(() => readEnv(ServiceEnv, {}), { message: 'The environment does not fit: NATS_URL is not set: nats://host:port, several separated by commas.' })
  try { read() } catch (error) { t.notMatch(String(error), /hunter2|\n/) }
})

type Sample = { child: ChildProcessWithoutNullStreams, out: () => string, err: () => string, said: (pattern: RegExp) => Promise<void>, ended: Promise<number | null> }

const start = (how: string, env: Record<string, string> = {}): Sample => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'service-under-test.ts'), how], { env: { ...URLS, HEALTH_HOST: '127.0.0.1', HEALTH_PORT: '0', ...env } })
  const texts = { out: '', err: '' }
  child.stdout.on('data', chunk => { texts.out += String(chunk) })
  child.stderr.on('data', chunk => { texts.err += String(chunk) })
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  t.teardown(() => child.kill('SIGKILL'))
  return {
    child,
    out: () => texts.out,
    err: () => texts.err,
    ended,
    said: async pattern => {
      while (!pattern.test(texts.out)) await Promise.race([once(child.stdout, 'data'), ended.then(code => { throw new Error(`Ended with ${code} before it said ${pattern}: ${texts.out}${texts.err}`) })])
    }
  }
}

const ask = async (sample: Sample, path: string): Promise<{ status: number, text: string }> => {
  const [, port] = /"healthPort":(\d+)/.exec(sample.out()) ?? []
  const answer = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: answer.status, text: await answer.text() }
}

t.test('a service says that it is ready, how it is, and closes its parts in reverse order at a signal', async t => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const sample = start('good')
    await sample.said(/"msg":"Ready"/)
    t.match(await ask(sample, '/healthz'), { status: 200 })
    t.match(await ask(sample, '/readyz'), { status: 200, text: 'ready\n' })
    t.match(await ask(sample, '/metrics'), { status: 200, text: /tw_sample_total\{kind="a",service="sample"\} 2/ })
    t.match(await ask(sample, '/else'), { status: 404 })
    sample.child.kill(signal)
    await sample.said(/second closes/)
    t.match(await ask(sample, '/readyz'), { status: 503, text: 'closing\n' }, 'it is asked for nothing new while it closes')
    sample.child.kill(signal)
    sample.child.stdin.write('go on\n')
    t.equal(await sample.ended, 0)
    // Two writers share the output: only lines of the same one keep their order.
    t.match(sample.out(), /second closed[^]*first closed/, 'a part that breaks keeps no other from closing')
    t.match(sample.out(), /"part":"breaks"[^]*did not close cleanly/)
    t.equal(sample.err(), '')
  }
})

t.test('what it logs holds no secret, however deep it stands', async t => {
  const sample = start('good')
  await sample.said(/"msg":"Shown"/)
  sample.child.kill('SIGKILL')
  await sample.ended
  t.match(sample.out(), /\[redacted\]/)
  t.notMatch(sample.out(), /HIDDEN|too quiet/)
})

t.test('what is missing is listed line by line', async t => {
  const sample = start('lacks')
  await sample.said(/"msg":"Ready"/)
  t.strictSame(await ask(sample, '/readyz'), { status: 503, text: 'NATS is not connected\nPostgres is away\n' })
  sample.child.kill('SIGKILL')
  await sample.ended
})

t.test('a part that hangs is left behind when the grace is over, with code 1', async t => {
  const sample = start('hangs', { SHUTDOWN_GRACE_MS: '300' })
  await sample.said(/"msg":"Ready"/)
  // Nothing else keeps the process alive: it has to wait by itself.
  sample.child.stdin.end()
  const startMs = performance.now()
  sample.child.kill('SIGTERM')
  t.equal(await sample.ended, 1)
  t.ok(performance.now() - startMs >= 300)
  t.match(sample.out(), /Closing took too long/)
  t.notMatch(sample.out(), /second closes/)
})

t.test('what cannot start ends with code 1 and one line; a fault of ours says where', async t => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  t.teardown(() => squatter.close())
  const taken = String(Object(squatter.address()).port)
  const cases: [Sample, RegExp][] = [
    [start('cannot start'), /^sample: The far side is not there\n$/],
    [start('good', { HEALTH_PORT: taken }), /^sample: The health port cannot be opened: check HEALTH_HOST and HEALTH_PORT \(.*EADDRINUSE.*\)\n$/],
    [start('good', { DATABASE_URL: '', LOG_LEVEL: 'x' }), /^sample: The environment does not fit: LOG_LEVEL is "x": .*; DATABASE_URL is not set: where the database is\.\n$/],
    [start('fault'), /^sample: Cannot read properties of undefined.*\nTypeError: [^]*service-under-test\.ts/]
  ]
  for (const [sample, says] of cases) {
    t.equal(await sample.ended, 1)
    t.match(sample.err(), says)
  }
})

t.test('a signal while it opens ends it as well', async t => {
  const sample = start('opens for ever')
  await sample.said(/opens/)
  sample.child.kill('SIGTERM')
  t.equal(await sample.ended, 0)
  t.match(sample.out(), /first closed/)
  t.equal(sample.err(), '')
})

t.test('work is repeated, never twice at a time, sooner after trouble, and not after stop', async t => {
  const state = { running: 0, most: 0, runs: 0, troubled: 0 }
  const again = Promise.withResolvers<void>()
  const work = async (): Promise<void> => {
    state.running += 1
    state.most = Math.max(state.most, state.running)
    state.runs += 1
    await new Promise(resolve => setImmediate(resolve))
    state.running -= 1
    if (state.runs === 2) throw new Error('trouble')
    if (state.runs === 4) again.resolve()
  }
  const repeating = repeat(work, { everyMs: 1, onTrouble: () => { state.troubled += 1 } })
  await again.promise
  await repeating.stop()
  const { runs } = state
  t.equal(state.most, 1)
  t.equal(state.troubled, 1)
  t.equal(state.running, 0, 'stop waits for what was begun')
  const rare = repeat(work, { everyMs: 3_600_000, onTrouble: () => undefined })
  await rare.stop()
  t.equal(state.runs, runs + 1, 'it begins at once, and its rest does not hold up the end')
})

t.test('figures: counters add up by label, durations fall into their buckets', async t => {
  const metrics = createMetrics('sample')
  metrics.count('tw_a_total', { outcome: 'delivered' })
  metrics.count('tw_a_total', { outcome: 'delivered' }, 2)
  metrics.count('tw_a_total', { outcome: 'gone' })
  metrics.count('tw_b_total')
  metrics.observe('tw_c_seconds', 0.02, { connector: 'x' })
  const text = await metrics.text()
  t.match(text, /tw_a_total\{outcome="delivered",service="sample"\} 3/)
  t.match(text, /tw_a_total\{outcome="gone",service="sample"\} 1/)
  t.match(text, /tw_b_total\{service="sample"\} 1/)
  t.match(text, /tw_c_seconds_bucket\{le="0\.01",service="sample",connector="x"\} 0/)
  t.match(text, /tw_c_seconds_bucket\{le="0\.025",service="sample",connector="x"\} 1/)
  t.match(text, /process_resident_memory_bytes/)
  const health = await openHealth({ host: '127.0.0.1', port: 0, readiness: () => [], metrics: { ...metrics, text: () => Promise.reject(new Error('no')) } })
  t.equal((await fetch(`http://127.0.0.1:${health.port}/metrics`)).status, 500)
  await health.close()
})
