import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ProblemCode } from '@tw/contracts'
import { isUnreachable } from '@tw/store'
import type { Log } from './ports.ts'
import { ProblemError, refuse, refuseFields, toProblem, toStatus, type Refusal } from './problems.ts'
import { findFieldErrors } from './validation.ts'

const RETRY_AFTER_S = '5'

// What the framework refuses before a route is reached, by HTTP status.
const BY_STATUS: Record<number, [ProblemCode, string]> = {
  400: ['TW_INVALID_REQUEST', 'The body is not the JSON its headers say it is.'],
  413: ['TW_BODY_TOO_LARGE', 'A body has at most 64 KiB.'],
  415: ['TW_MEDIA_TYPE', 'Send the body as Content-Type: application/json.']
}

const INTERNAL = refuse('TW_INTERNAL', 'An unexpected error happened; it is in the log of the service.')
const DATABASE = refuse('TW_UNAVAILABLE', 'The database is not reachable: try again soon.')
const NO_ROUTE = (request: FastifyRequest): Refusal => refuse('TW_ROUTE_NOT_FOUND', `There is no ${request.method} ${toPath(request)}.`)

const toPath = (request: FastifyRequest): string => request.url.split('?')[0] ?? request.url

const toRefusal = (error: FastifyError): Refusal => {
  if (error instanceof ProblemError) return error.refusal
  const fields = findFieldErrors(error)
  if (fields !== undefined) return refuseFields(fields)
  if (isUnreachable(error)) return DATABASE
  const status = error.statusCode ?? 500
  if (status >= 500) return INTERNAL
  const [code, detail] = BY_STATUS[status] ?? ['TW_INVALID_REQUEST', error.message]
  return refuse(code, detail)
}

/** Sends a refusal as a problem document. */
export const sendProblem = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply => {
  if (refusal.code === 'TW_UNAVAILABLE') reply.header('retry-after', RETRY_AFTER_S)
  // A string goes out as it is: no route's schema can get in the way of saying what is wrong.
  return reply.code(toStatus(refusal)).type('application/problem+json').send(JSON.stringify(toProblem(refusal, toPath(request))))
}

/** Every error becomes a problem document; what is unexpected is logged and not told. */
export const createErrorReply = (log: Log) => (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const refusal = toRefusal(error)
  if (refusal === INTERNAL) log.error({ err: error, method: request.method, path: toPath(request) }, 'Unexpected error')
  return sendProblem(request, reply, refusal)
}

export const setErrorReplies = (app: FastifyInstance, log: Log): void => { app.setErrorHandler(createErrorReply(log)) }

export const replyNoRoute = (request: FastifyRequest, reply: FastifyReply): FastifyReply => sendProblem(request, reply, NO_ROUTE(request))
