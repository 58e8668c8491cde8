import { readFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'

/** The value below which `share` of the sorted values lie. */
export const toPercentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** p50, p95, p99 in ms, one decimal. */
export const toLatency = (values: readonly number[]): string =>
  [0.5, 0.95, 0.99].map(share => `p${share * 100} ${toPercentile(values, share).toFixed(1)}`).join('  ')

/** Resident memory of a process in MB (Linux). */
export const toResidentMb = (pid: number): number => {
  try {
    const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Math.round(Number(kb ?? 0) / 1_024)
  } catch {
    return 0
  }
}

/** CPU time of a process so far, in ms (Linux, 100 ticks a second). */
export const toCpuMs = (pid: number): number => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}

// Postgres works in children of its postmaster; what an ended one used is in the parent's sums of waited-for children.
const listChildren = (pid: number): number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Of a process and its children. */
export const ofFamily = (read: (pid: number) => number) => (pid: number): number => [pid, ...listChildren(pid)].reduce((sum, member) => sum + read(member), 0)

/** The machine the figures are of. */
export const toMachine = (): string =>
  `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}, Node ${process.versions.node}`
