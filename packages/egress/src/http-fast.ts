// The hot path of webhooks. Guarantees: a request reaches an address the guard judged for it, and no other; no redirect is followed, no
// proxy is used, nothing is decompressed; one deadline covers resolve, connect, headers and body; an answer is read only so far; whatever
// happens is a value.
import type { Http, HttpAnswer, HttpFailure, HttpLimits, HttpRequest } from '@tw/connector-kit'
import { createExchange } from './exchange.ts'
import type { Guard, Refusal, Route } from './guard.ts'
import { findHeaderFault } from './header-fault.ts'
import { createPools } from './pools.ts'
import { within } from './within.ts'

export type HttpFastOptions = {
  guard: Guard
  limits: HttpLimits
  /** Connections to one origin at most. */
  connections: number
  /** Sent when a request names none. */
  userAgent?: string
}

export type HttpFast = {
  http: Http
  /** Lets what is on its way end; what is asked for later fails. */
  close: () => Promise<void>
}

type Result = HttpAnswer | HttpFailure
type Way = { request: HttpRequest, limits: HttpLimits, startedMs: number }

const toFailure = ({ startedMs }: Way, failure: Pick<HttpFailure, 'reason' | 'detail'>): HttpFailure =>
  ({ kind: 'failure', ...failure, sent: false, durationMs: performance.now() - startedMs })

const DNS_CODES: readonly string[] = ['host_not_found', 'resolve_failed'] satisfies Refusal['code'][]

const toRefused = (way: Way, { code, detail }: Refusal): HttpFailure =>
  toFailure(way, { reason: DNS_CODES.includes(code) ? 'dns' : 'refused', detail })

const namesAgent = (headers: Record<string, string>): boolean => Object.keys(headers).some(name => name.length === 10 && name.toLowerCase() === 'user-agent')

/** The client of the webhooks, on undici's pools. */
export const createHttpFast = ({ guard, limits: limitsOfAll, connections, userAgent }: HttpFastOptions): HttpFast => {
  const pools = createPools({ connections, requestMs: limitsOfAll.deadlineMs })
  let isClosed = false

  const toSent = (headers: Record<string, string>): Record<string, string> =>
    userAgent === undefined || namesAgent(headers) ? headers : { ...headers, 'User-Agent': userAgent }

  const send = ({ request, limits, startedMs }: Way, route: Route): Promise<Result> => new Promise(resolve => {
    const { method, body = null, headers } = request
    const exchange = createExchange({ limits, startedMs, end: resolve })
    pools.find(route).dispatch({ path: route.path, method, body, headers: toSent(headers) }, exchange)
  })

  const go = (way: Way, route: Route | Refusal): HttpFailure | Promise<Result> => {
    if (route.kind === 'refused') return toRefused(way, route)
    if (isClosed) return toFailure(way, { reason: 'reset', detail: 'This sender was stopping' })
    const fault = findHeaderFault(way.request.headers)
    return fault === undefined ? send(way, route) : toFailure(way, { reason: 'bad_request', detail: fault })
  }

  const goLater = async (way: Way, asked: Promise<Route | Refusal>): Promise<Result> => {
    const route = await within(asked, way.limits.deadlineMs)
    return route === undefined ? toFailure(way, { reason: 'dns', detail: 'The host could not be looked up in time' }) : await go(way, route)
  }

  return {
    http: async (request, limits) => {
      const way = { request, limits: limits === undefined ? limitsOfAll : { ...limitsOfAll, ...limits }, startedMs: performance.now() }
      const route = guard.route(request.url)
      return await (route instanceof Promise ? goLater(way, route) : go(way, route))
    },
    close: async () => {
      isClosed = true
      await pools.close()
    }
  }
}
