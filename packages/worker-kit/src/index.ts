// Owns the way of a delivery through a worker: lanes, attempts, tiers, orderly end.
// Never knows a vendor.
export { runWorker } from './run-worker.ts'
export { WorkerEnv } from './env.ts'
