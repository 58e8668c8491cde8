import { findFreePort } from './postgres.ts'
import { createService, type Service } from './service.ts'
import { AUDIENCE, ISSUER, createLicence, createToken, type Keys } from './tokens.ts'

export const SERVICE_NAMES = ['config-api', 'dispatcher', 'recorder', 'scheduler', 'worker-webhook'] as const
export type ServiceName = typeof SERVICE_NAMES[number]

/** Every service, each as its own process, on one NATS and one Postgres. */
export type Platform = {
  apiUrl: string
  services: Record<ServiceName, Service>
  /** Calls the API as an administrator of `tenant`; `path` is below /api/integrations. */
  call: (method: string, path: string, options?: { body?: object, tenant?: string }) => Promise<{ status: number, body: Record<string, unknown> }>
  /** Starts every service and resolves when all are ready. Throws with the words of the one that is not; the others go on. */
  start: () => Promise<void>
  /** Ends every service in good order, also while they start. */
  close: () => Promise<void>
}

export type PlatformOptions = {
  natsUrl: string
  databaseUrl: string
  keys: Keys
  apiPort?: number
  /** Environment for every service, over what they get anyway. */
  env?: Record<string, string>
  /** Where each service's log is written. */
  logDir?: string | undefined
  /** Each service in a process group of its own: Ctrl-C in a terminal does not reach it. */
  ownGroup?: boolean | undefined
  /** Told when the process of a service is there, and when it is ready. */
  onBegin?: (name: ServiceName) => void
  onReady?: (name: ServiceName) => void
}

// One URL or several, with a port or with the usual one, which the guard refuses anyway.
const toPorts = (urls: string): string[] => urls.split(',').map(url => URL.canParse(url.trim()) ? new URL(url.trim()).port : '').filter(port => port !== '')

const toEnv = ({ natsUrl, databaseUrl, keys, env }: PlatformOptions, apiPort: number): Record<string, string> => ({
  NATS_URL: natsUrl,
  DATABASE_URL: databaseUrl,
  VAULT_KEYS: keys.vaultKeys,
  // Receivers on this machine: an operator's choice that production does not make.
  EGRESS_ALLOW_CIDRS: '127.0.0.0/8',
  // But no webhook reaches our own parts through it.
  EGRESS_DENY_PORTS: `+${[...toPorts(natsUrl), ...toPorts(databaseUrl), String(apiPort)].join(',')}`,
  API_HOST: '127.0.0.1',
  API_PORT: String(apiPort),
  JWT_ISSUER: ISSUER,
  JWT_AUDIENCE: AUDIENCE,
  JWT_SHARED_KEY: keys.tokenKey,
  LICENCE: createLicence(keys),
  LICENCE_PUBLIC_KEY: keys.licencePublicKey,
  ...env
})

/** Every service, none started yet. */
export const createPlatform = async (options: PlatformOptions): Promise<Platform> => {
  const apiPort = options.apiPort ?? await findFreePort()
  const apiUrl = `http://127.0.0.1:${apiPort}/api/integrations`
  const env = toEnv(options, apiPort)
  const { logDir, ownGroup } = options
  const made = await Promise.all(SERVICE_NAMES.map(async name => [name, await createService({ name, env, logDir, ownGroup })] as const))
  return {
    apiUrl,
    services: Object.fromEntries(made) as Record<ServiceName, Service>,
    start: async () => {
      await Promise.all(made.map(async ([name, service]) => {
        const ready = service.start()
        options.onBegin?.(name)
        await ready
        options.onReady?.(name)
      }))
    },
    close: async () => { await Promise.all(made.map(([, service]) => service.kill('SIGTERM'))) },
    call: async (method, path, { body, tenant = 'default' } = {}) => {
      const headers = { authorization: `Bearer ${createToken(options.keys, { tenant })}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
      const answer = await fetch(`${apiUrl}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await answer.text()
      return { status: answer.status, body: text === '' ? {} : JSON.parse(text) }
    }
  }
}

/** Starts every service and resolves when all are ready. Throws with the words of the one that is not; then none runs. */
export const openPlatform = async (options: PlatformOptions): Promise<Platform> => {
  const platform = await createPlatform(options)
  try {
    await platform.start()
  } catch (error) {
    await platform.close()
    throw error
  }
  return platform
}
