// Owns how a process lives: environment, log, health, metrics, signals.
// Never knows what the process is for.
export { EnvError, ServiceEnv, readEnv } from './env.ts'
export { createLogger, type Logger } from './logger.ts'
export { createMetrics, type Metrics } from './metrics.ts'
export { openHealth, type Readiness } from './health.ts'
export { repeat } from './repeat.ts'
export { run, type Scope } from './run.ts'
