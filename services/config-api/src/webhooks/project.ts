import { toProjected, type IntegrationRow } from '@tw/store'
import type { Ports } from '../ports.ts'
import { CONNECTOR } from './webhook.ts'

const PROJECT_DEADLINE_MS = 3_000

/** Brings committed rows to those who watch the configuration. */
export type Project = {
  put: (row: IntegrationRow) => Promise<void>
  remove: (key: { tenant: string, id: string }) => Promise<void>
}

const within = async (work: Promise<void>, deadlineMs: number): Promise<void> => {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(() => late.reject(new Error(`No answer within ${deadlineMs} ms`)), deadlineMs)
  try {
    await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
    work.catch(() => undefined)
  }
}

/** A projection that cannot be made now never undoes the change: Postgres is the truth, and the reconciler makes up for it. */
export const createProject = ({ projection, log }: Pick<Ports, 'projection' | 'log'>): Project => {
  const attempt = async (id: string, work: () => Promise<void>): Promise<void> => {
    try {
      await within(work(), PROJECT_DEADLINE_MS)
    } catch (error) {
      log.warn({ err: error, integrationId: id }, 'The change is stored but not projected yet: the reconciler will')
    }
  }
  return {
    put: row => attempt(row.id, () => projection.put(toProjected(row))),
    remove: ({ tenant, id }) => attempt(id, () => projection.remove({ tenant, id, connector: CONNECTOR }))
  }
}
