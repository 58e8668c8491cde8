// A receiver as its own process, as fast as Node's own server goes. Counts what comes, and how long after it was emitted.
//   POST /<name>       a delivery; a name beginning with `dead` is never answered, one beginning with `later` asks to come again in two
//                      minutes and notes how much later than that it does
//   GET  /count/<name> how many came
//   GET  /figures      { <name>: { count, unique, latenciesMs } } since the last reset
//   POST /reset
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'

const LATER_S = 120

type Figures = { count: number, ids: Set<string>, latenciesMs: number[], lastAtMs: number }
const askedLater = new Map<string, number>()
const byName = new Map<string, Figures>()

const now = (): number => performance.timeOrigin + performance.now()
const EMITTED = /"emittedAtMs":([\d.]+)/

const note = (name: string, request: IncomingMessage, body: string): void => {
  const figures = byName.get(name) ?? { count: 0, ids: new Set(), latenciesMs: [], lastAtMs: 0 }
  byName.set(name, figures)
  figures.count += 1
  figures.ids.add(String(request.headers['x-tw-delivery']))
  figures.lastAtMs = now()
  const [, emittedAtMs] = EMITTED.exec(body) ?? []
  if (emittedAtMs !== undefined && !name.startsWith('later')) figures.latenciesMs.push(now() - Number(emittedAtMs))
}

// True when it came for the first time, and is asked to come again.
const comesLater = (name: string, request: IncomingMessage): boolean => {
  const id = String(request.headers['x-tw-delivery'])
  const first = askedLater.get(id)
  if (first === undefined) askedLater.set(id, now())
  else byName.get(name)?.latenciesMs.push(now() - first - LATER_S * 1_000)
  return first === undefined
}

const answer = (name: string, request: IncomingMessage, response: ServerResponse): void => {
  if (name.startsWith('dead')) return
  if (name.startsWith('later') && comesLater(name, request)) response.writeHead(503, { 'retry-after': String(LATER_S) })
  response.end('ok')
}

const toJson = (): string => JSON.stringify(Object.fromEntries([...byName].map(([name, { count, ids, latenciesMs, lastAtMs }]) =>
  [name, { count, unique: ids.size, latenciesMs, lastAtMs }])))

const server = createServer((request, response) => {
  const name = (request.url ?? '/').slice(1)
  if (request.method === 'GET') {
    response.end(name.startsWith('count/') ? String(byName.get(name.slice(6))?.count ?? 0) : toJson())
    return
  }
  let body = ''
  request.on('data', chunk => { body += String(chunk) })
  request.on('end', () => {
    if (name === 'reset') byName.clear()
    else note(name, request, body)
    answer(name, request, response)
  })
})
server.keepAliveTimeout = 60_000
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`)
})
