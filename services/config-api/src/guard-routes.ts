import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { findToken, type Access, type Caller } from './access.ts'
import { unwrap } from './problems.ts'

const CALLER = 'caller'

/** Who asks; set before any route's own code runs. */
export const toCaller = (request: FastifyRequest): Caller => request.getDecorator<Caller>(CALLER)

/** Lets a request in before anything of its body is read. On pages a browser opens (`basic`) the token may come as a password. */
export const createDoor = (access: Access, { basic = false } = {}) => async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const caller = await access(findToken(request.headers.authorization ?? '', { basic }))
  if (!caller.ok && caller.code.startsWith('TW_TOKEN_')) reply.header('www-authenticate', toChallenge(caller.code, basic))
  request.setDecorator(CALLER, unwrap(caller))
}

// RFC 6750, section 3: the error is named only when a token was sent.
const toChallenge = (code: string, basic: boolean): string[] => [
  `Bearer realm="threatweaver"${code === 'TW_TOKEN_MISSING' ? '' : ', error="invalid_token"'}`,
  ...(basic ? ['Basic realm="ThreatWeaver: any name, the token as password", charset="UTF-8"'] : [])
]

export const declareCaller = (app: FastifyInstance): void => { app.decorateRequest(CALLER, null) }
