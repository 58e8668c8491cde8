import type { ServiceEnv } from './env.ts'
import { openHealth, type Readiness } from './health.ts'
import { createLogger, type Logger } from './logger.ts'
import { createMetrics, type Metrics } from './metrics.ts'

/** What a service gets to start with. */
export type Scope = {
  logger: Logger
  metrics: Metrics
  /** Names what this part still misses; asked at each `/readyz`. */
  needs: (readiness: Readiness) => void
  /** Closed in the reverse order of opening when the service ends. */
  onClose: (name: string, close: () => Promise<unknown> | unknown) => void
}

type Closer = { name: string, close: () => Promise<unknown> | unknown }

const closeAll = async (closers: Closer[], logger: Logger): Promise<void> => {
  for (const { name, close } of closers.splice(0).reverse()) {
    try {
      await close()
    } catch (error) {
      logger.error({ err: error, part: name }, 'A part did not close cleanly')
    }
  }
}

// A fault of ours is told with the place it came from; anything else is somebody's to mend, who has no use for that.
const isFault = (error: unknown): error is Error => [TypeError, ReferenceError, RangeError, SyntaxError].some(kind => error instanceof kind)

const fail = (service: string, error: unknown): void => {
  const sentence = error instanceof Error ? error.message : String(error)
  process.stderr.write(`${service}: ${sentence.replaceAll(/\s*\n\s*/g, ' ')}\n`)
  if (isFault(error)) process.stderr.write(`${error.stack ?? ''}\n`)
  process.exitCode = 1
}

/**
 * Runs a service until SIGTERM or SIGINT: opens its parts, serves its health, then closes them in reverse within SHUTDOWN_GRACE_MS.
 * What cannot start ends the process with code 1 and one line that names why.
 */
export const run = async <Env extends ServiceEnv>(service: string, toEnv: () => Env, open: (scope: Scope, env: Env) => Promise<void>): Promise<void> => {
  try {
    await start(service, toEnv(), open)
  } catch (error) {
    fail(service, error)
    process.exit()
  }
}

const start = async <Env extends ServiceEnv>(service: string, env: Env, open: (scope: Scope, env: Env) => Promise<void>): Promise<void> => {
  const logger = createLogger(service, env.LOG_LEVEL)
  const metrics = createMetrics(service)
  const closers: Closer[] = []
  const needs: Readiness[] = []
  const state = { opened: false, closing: false }

  const close = (signal: string): void => {
    if (state.closing) return
    state.closing = true
    logger.info({ signal }, 'Closing')
    setTimeout(() => { logger.error({ graceMs: env.SHUTDOWN_GRACE_MS }, 'Closing took too long'); process.exit(1) }, env.SHUTDOWN_GRACE_MS)
    void closeAll(closers, logger).then(() => process.exit(0))
  }
  process.on('SIGTERM', close).on('SIGINT', close)

  const readiness = (): string[] => state.opened && !state.closing ? needs.flatMap(need => need()) : [state.closing ? 'closing' : 'starting']
  const health = await openHealth({ host: env.HEALTH_HOST, port: env.HEALTH_PORT, readiness, metrics })
  closers.push({ name: 'health', close: health.close })
  try {
    await open({ logger, metrics, needs: need => needs.push(need), onClose: (name, closePart) => closers.push({ name, close: closePart }) }, env)
  } catch (error) {
    // What is closed under a part that is still opening makes it fail: that is no trouble of its own.
    if (state.closing) return
    throw error
  }
  state.opened = true
  logger.info({ healthPort: health.port, pid: process.pid }, 'Ready')
}
