import type { HttpAnswer, HttpFailure, HttpLimits } from '@tw/connector-kit'
import type { Dispatcher } from 'undici'
import { createAnswerBody } from './answer-body.ts'
import { readError, type Reading } from './failure.ts'

type Headers = Record<string, string | string[] | undefined>

const toHeaders = (headers: Headers): Record<string, string> => {
  const plain: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) plain[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return plain
}

const ENOUGH = new Error('Enough was read')
const EXPIRED = new Error('The deadline passed')

export type ExchangeOptions = {
  limits: HttpLimits
  startedMs: number
  /** Called once, with what came of the request. */
  end: (result: HttpAnswer | HttpFailure) => void
}

/**
 * One request on its way: what undici reports becomes one answer or one failure, at the latest when the deadline passes. The connection is
 * cut when it does, or when more was read than is allowed; a request that still waits for a connection then is never sent.
 */
export const createExchange = ({ limits, startedMs, end }: ExchangeOptions): Dispatcher.DispatchHandler => {
  const body = createAnswerBody(limits)
  let controller: Dispatcher.DispatchController | undefined
  let status = 0
  let headers: Headers = {}
  let isOver = false

  const finish = (result: Omit<HttpAnswer, 'durationMs'> | Omit<HttpFailure, 'durationMs'>): void => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    end({ ...result, durationMs: performance.now() - startedMs })
  }
  const fail = (reading: Reading): void => finish({ kind: 'failure', ...reading, sent: controller !== undefined })
  const answer = (): void => finish({ kind: 'answer', status, headers: toHeaders(headers), ...body.toText(headers['content-encoding']?.toString()) })

  const expire = (): void => {
    const what = status === 0 ? 'answer' : 'complete its answer'
    fail({ reason: 'timeout', detail: `The receiver did not ${what} within ${limits.deadlineMs / 1_000} s` })
    controller?.abort(EXPIRED)
  }
  const timer = setTimeout(expire, Math.max(0, limits.deadlineMs - (performance.now() - startedMs)))

  return {
    onRequestStart: started => {
      if (isOver) return started.abort(EXPIRED)
      controller = started
    },
    onResponseStart: (_controller, statusCode, answered) => {
      // 1xx only announces the answer, which then takes its place.
      status = statusCode
      headers = answered
    },
    onResponseData: (started, chunk) => {
      if (body.add(chunk)) return
      answer()
      started.abort(ENOUGH)
    },
    onResponseEnd: answer,
    onResponseError: (_controller, error) => fail(readError(error, controller !== undefined))
  }
}
