// The receiver and the frame of a request follow from its URL and body: a Host header would ask for another host behind the same address,
// the others would make two requests of one (RFC 9112, section 11.2).
const FRAMING = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection', 'upgrade', 'expect', 'te', 'trailer'])

// RFC 9110, sections 5.1 and 5.5.
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const FORBIDDEN_IN_VALUE = /[^\t\u0020-\u007e\u0080-\u00ff]/

/**
 * What is wrong with the headers of a request, as one sentence; undefined when nothing is. It is asked before undici: a request that a pool
 * of undici 8 refuses leaves a connection of that pool out of use for good.
 */
export const findHeaderFault = (headers: Record<string, string>): string | undefined => {
  for (const name in headers) {
    if (!NAME.test(name)) return 'A header\'s name holds a character HTTP does not allow'
    if (FORBIDDEN_IN_VALUE.test(headers[name] ?? '')) return `The value of the header ${name} holds a character HTTP does not allow`
    if (FRAMING.has(name.toLowerCase())) return `The header ${name} cannot be set: it follows from the URL and the body`
  }
  return undefined
}
