import type { Attempted, Connector, HttpAnswer, HttpFailure } from '@tw/connector-kit'
import type { AttemptResponse } from '@tw/contracts'
import { classify } from './classify.ts'
import { SECRET_HEADER, manifest, type Config } from './manifest.ts'
import { render } from './render.ts'

/** Stands for a secret value in the log. */
export const MASK = '********'

// Signatures are no secrets: they let the receiver's people compare what they computed.
const isSecret = (name: string, config: Config): boolean => config.headers?.[name] !== undefined && SECRET_HEADER.test(name)

const maskHeaders = (headers: Record<string, string>, config: Config): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, isSecret(name, config) ? MASK : value]))

const toResponse = (answer: HttpAnswer | HttpFailure): AttemptResponse | null =>
  answer.kind === 'failure' ? null : { headers: answer.headers, body: answer.body, truncated: answer.truncated }

/** Custom webhooks: one signed POST per delivery. */
export const webhook: Connector<Config> = {
  ...manifest,
  toRetryCount: config => config.retryCount,
  deliver: async (config, { delivery, http, nowMs }): Promise<Attempted> => {
    const request = render(delivery, config, nowMs)
    const answer = await http(request)
    return {
      // Rounded down: a fraction too much would make an hour's Retry-After wait in the tier of three.
      outcome: classify(answer, nowMs + Math.floor(answer.durationMs)),
      statusCode: answer.kind === 'answer' ? answer.status : null,
      responseTimeMs: Math.round(answer.durationMs),
      request: { method: request.method, url: request.url, headers: maskHeaders(request.headers, config) },
      response: toResponse(answer)
    }
  }
}
