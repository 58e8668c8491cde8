// Stands in for `nats` or `curl` where a machine that runs the tests has none: it understands the very arguments the README gives them, and
// no more. `nats` publishes over a bare socket, so what is proved is that a line of text on NATS is all an emitter needs
// (https://docs.nats.io/reference/reference-protocols/nats-protocol).
import { connect } from 'node:net'
import { parseArgs } from 'node:util'

const say = (line: string): void => { process.stdout.write(`${line}\n`) }

const publish = async (server: string, subject: string, body: string): Promise<void> => {
  const { hostname, port } = new URL(server)
  const socket = connect(Number(port), hostname)
  socket.write(`CONNECT {"verbose":false}\r\nPUB ${subject} ${Buffer.byteLength(body)}\r\n${body}\r\nPING\r\n`)
  for await (const chunk of socket) {
    if (String(chunk).includes('-ERR')) throw new Error(String(chunk).trim())
    if (String(chunk).includes('PONG')) break
  }
  socket.destroy()
}

const nats = async (args: string[]): Promise<void> => {
  const { values, positionals: [verb, subject = '', body = '', ...more] } = parseArgs({ args, options: { server: { type: 'string', short: 's' } }, allowPositionals: true })
  if (verb !== 'pub' || more.length > 0) throw new Error(`nats: not understood: ${args.join(' ')}`)
  await publish(values.server ?? 'nats://127.0.0.1:4222', subject, body)
  say(`Published ${Buffer.byteLength(body)} bytes to "${subject}"`)
}

const curl = async (args: string[]): Promise<void> => {
  const options = { silent: { type: 'boolean', short: 's' }, header: { type: 'string', short: 'H', multiple: true }, data: { type: 'string', short: 'd' }, request: { type: 'string', short: 'X' } } as const
  const { values, positionals: [url = ''] } = parseArgs({ args, options, allowPositionals: true })
  const headers = (values.header ?? []).map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
  const method = values.request ?? (values.data === undefined ? 'GET' : 'POST')
  const answer = await fetch(url, { method, headers, ...(values.data === undefined ? {} : { body: values.data }) })
  process.stdout.write(await answer.text())
}

const [program = '', ...args] = process.argv.slice(2)
await (program === 'nats' ? nats(args) : curl(args))
