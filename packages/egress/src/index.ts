// Owns every way out: the guard that judges addresses, and the clients behind it.
// Never contacts an address that was not judged, and never throws at its caller.
export { createHttpFast, type HttpFast, type HttpFastOptions } from './http-fast.ts'
