import type { Stage } from './stage.ts'
import { toLatency } from './figures.ts'
import type { Finding } from './scenarios.ts'

const until = async (holds: () => Promise<boolean>, withinMs: number): Promise<void> => {
  const deadlineMs = Date.now() + withinMs
  while (!await holds()) {
    if (Date.now() > deadlineMs) throw new Error(`The tiers are not done within ${withinMs / 1_000} s`)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

/**
 * `count` deliveries fail and are asked to come again in two minutes, so they all wait in one tier; meanwhile fresh ones go to another
 * receiver. Memory while they wait, how late they are, and how fast the fresh ones are while the waiting ones fall due.
 */
export const measureTiers = async (stage: Stage, count: number): Promise<Finding[]> => {
  await stage.addWebhook('later', { events: ['finding.resolved'] })
  await stage.addWebhook('fresh')
  await stage.receiver.reset()
  let left = count
  await Promise.all(Array.from({ length: 256 }, async () => { while (left-- > 0) await stage.emitter.emit('default', 'finding.resolved') }))
  await until(async () => await stage.receiver.count('later') >= count, 115_000)
  const memory = Object.entries(stage.memory()).map(([name, mb]) => `${name} ${mb}`).join('  ')
  const freshWhile = async (): Promise<void> => {
    while (await stage.receiver.count('later') < 2 * count) await stage.emitter.emitAtRate(50, 1)
  }
  await freshWhile()
  const figures = await stage.receiver.figures()
  await stage.removeWebhooks()
  return [
    { what: `${count} deliveries waiting in a tier: resident memory, MB`, figures: memory },
    { what: `${count} deliveries falling due within the time they were made in: lateness`, figures: `${toLatency(figures['later']?.latenciesMs ?? [])} ms` },
    { what: `fresh deliveries at 50/s while ${count} wait and fall due`, figures: `${toLatency(figures['fresh']?.latenciesMs ?? [])} ms` }
  ]
}
