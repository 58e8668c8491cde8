// `npm run bench`: figures of the whole platform on this machine. `--quick` takes a minute and is for seeing that it works;
// `--only <latency|drain|dead|tiers>` runs one part, `--events <n>` and `--seconds <n>` change its size.
import { parseArgs } from 'node:util'
import { toMachine } from './figures.ts'
import { measureFloor } from './floor.ts'
import { countStatements, measureDead, measureDrain, measureLatency, measureMemory, type Finding } from './scenarios.ts'
import { openStage, type Stage } from './stage.ts'
import { measureTiers } from './tiers.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, events: { type: 'string' }, seconds: { type: 'string' } } })
const FULL = { seconds: 60, drain: 100_000, deadSeconds: 30, tiers: 200_000, rates: [50, 200, 1_000] }
const QUICK = { seconds: 3, drain: 3_000, deadSeconds: 3, tiers: 0, rates: [50, 200] }
const base = values.quick ? QUICK : FULL
const size = {
  ...base,
  ...(values.events === undefined ? {} : { drain: Number(values.events), tiers: Number(values.events) }),
  ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds), deadSeconds: Number(values.seconds) })
}

const say = ({ what, figures }: Finding): void => { process.stdout.write(`${what}\n    ${figures}\n`) }

const parts: Record<string, (stage: Stage) => Promise<void>> = {
  latency: async stage => { for (const rate of size.rates) say(await measureLatency(stage, rate, size.seconds)) },
  drain: async stage => {
    say(await measureFloor({ natsUrl: stage.natsUrl, databaseUrl: stage.databaseUrl, receiverUrl: stage.receiver.url }, size.drain))
    say(await countStatements(stage, async () => { say(await measureDrain(stage, size.drain)); return size.drain }))
  },
  dead: async stage => {
    const how = { perSecond: 40, seconds: size.deadSeconds }
    const without = await measureDead(stage, { dead: 0, ...how })
    say(without)
    const withOne = await measureDead(stage, { dead: 1, ...how })
    say(withOne)
    say({ what: 'healthy p99 with one dead, against none', figures: `${(withOne.p99Ms / without.p99Ms).toFixed(2)}x` })
  },
  tiers: async stage => { if (size.tiers > 0) for (const finding of await measureTiers(stage, size.tiers)) say(finding) }
}

process.stdout.write(`${toMachine()}; everything on it: Postgres, NATS, five services, emitter, receiver\n`)
const stage = await openStage()
try {
  const wanted = values.only === undefined ? Object.keys(parts) : [values.only]
  for (const name of wanted) await (parts[name] ?? (() => { throw new Error(`Unknown part ${name}: one of ${Object.keys(parts).join(', ')}`) }))(stage)
  say(measureMemory(stage))
} finally {
  await stage.close()
}
process.exit()
