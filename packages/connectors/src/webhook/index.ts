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

const ECHO_CHARS_MIN = 8

// A far end may say back what it was sent. What is shorter than eight characters is too ordinary to be looked for.
const findEchoes = (config: Config): string[] =>
  Object.entries(config.headers ?? {}).filter(([name, value]) => isSecret(name, config) && value.length >= ECHO_CHARS_MIN).map(([, value]) => value)

const toResponse = (answer: HttpAnswer | HttpFailure, config: Config): AttemptResponse | null => {
  if (answer.kind === 'failure') return null
  const { headers, body, truncated } = answer
  const echoes = findEchoes(config)
  if (echoes.length === 0) return { headers, body, truncated }
  const mask = (text: string): string => echoes.reduce((masked, echo) => masked.replaceAll(echo, MASK), text)
  return { headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, mask(value)])), body: mask(body), truncated }
}

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
      response: toResponse(answer, config)
    }
  }
}
