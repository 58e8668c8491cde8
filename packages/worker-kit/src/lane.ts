/** May the delivery go, or is it to be held, and for about how long (ms)? `leave` must be called once. */
export type Admission = { kind: 'go', leave: (healthy: boolean) => void } | { kind: 'hold', waitMs: number }

export type LaneOptions = {
  /** Deliveries of one integration in flight at most. */
  inFlightMax: number
  /** Longest wait of a delivery for its lane, in ms. */
  waitMsMax: number
  /** A monotonic clock, in ms. */
  now: () => number
}

/** One integration's share of a worker. */
export type Lane = {
  enter: (returning: boolean) => Promise<Admission>
  /** Holds what has waited too long. */
  sweep: () => void
  /** Nothing of it is known that a new lane would not know. */
  isIdle: () => boolean
  figures: () => { inFlight: number, waiting: number, held: number, cap: number }
}

type Waiting = { sinceMs: number, admit: (admission: Admission) => void }

const CAP_FIRST = 10
const CAP_MIN = 2
/** Weight of the newest answer in the mean. */
const MEAN_WEIGHT = 0.2

type Pace = { cap: number, meanMs: number, healthy: boolean }

// +1 for each timely answer, halved for each failure: the far end's own pace is found within some answers.
const learn = (pace: Pace, { healthy, tookMs, inFlightMax }: { healthy: boolean, tookMs: number, inFlightMax: number }): void => {
  pace.meanMs += (tookMs - pace.meanMs) * (pace.meanMs === 0 ? 1 : MEAN_WEIGHT)
  pace.healthy = healthy
  pace.cap = healthy ? Math.min(inFlightMax, pace.cap + 1) : Math.max(Math.min(CAP_MIN, inFlightMax), pace.cap >> 1)
}

export const createLane = ({ inFlightMax, waitMsMax, now }: LaneOptions): Lane => {
  const pace: Pace = { cap: Math.min(CAP_FIRST, inFlightMax), meanMs: 0, healthy: true }
  // Start times of what is in flight: a Set keeps them oldest first.
  const inFlight = new Set<{ startMs: number }>()
  const waiting: Waiting[] = []
  let held = 0

  // A far end that never answers has no mean, but its oldest flight has an age.
  const toTimeMs = (): number => {
    const [oldest] = inFlight
    return Math.max(pace.meanMs, oldest === undefined ? 0 : now() - oldest.startMs)
  }
  const toWaitMs = (queue: number): number => (queue + 1) * toTimeMs() / pace.cap

  const hold = (): Admission => {
    held += 1
    return { kind: 'hold', waitMs: toWaitMs(waiting.length + held) }
  }

  const go = (): Admission => {
    const flight = { startMs: now() }
    inFlight.add(flight)
    return { kind: 'go', leave: healthy => { if (inFlight.delete(flight)) land(healthy, now() - flight.startMs) } }
  }

  const land = (healthy: boolean, tookMs: number): void => {
    learn(pace, { healthy, tookMs, inFlightMax })
    while (inFlight.size < pace.cap && waiting.length > 0) waiting.shift()?.admit(go())
  }

  return {
    enter: async returning => {
      if (returning) held = Math.max(0, held - 1)
      if (inFlight.size < pace.cap) return go()
      if (toWaitMs(waiting.length) > waitMsMax) return hold()
      return await new Promise(resolve => waiting.push({ sinceMs: now(), admit: resolve }))
    },
    sweep: () => {
      const tooOld = waiting.findIndex(({ sinceMs }) => now() - sinceMs <= waitMsMax)
      for (const { admit } of waiting.splice(0, tooOld === -1 ? waiting.length : tooOld)) admit(hold())
    },
    isIdle: () => inFlight.size === 0 && waiting.length === 0 && held === 0 && pace.healthy,
    figures: () => ({ inFlight: inFlight.size, waiting: waiting.length, held, cap: pace.cap })
  }
}
