// A lane is one integration's share of a worker. It is either flowing or slow.
//   flowing: what does not fit in flight waits here, and so holds back the reading of the stream: right for a far end that keeps up
//   slow:    the head of the queue waited longer than `waitMsMax`; from now on only as many wait as are in flight, the rest is held in
//            tiers; over when nothing waits any more
// A far end that stalls while `waitingMax` wait does not get to be slow first: what comes then is held at once.
//
// In flight: +1 for each timely answer up to `inFlightMax`, halved for each failure; so a dead far end costs two at a time.

/** May the delivery go, or is it to be held, and for about how long (ms)? `leave` must be called once. */
export type Admission = { kind: 'go', leave: (healthy: boolean) => void } | { kind: 'hold', waitMs: number }

export type LaneOptions = {
  /** Deliveries of one integration in flight at most. */
  inFlightMax: number
  /** Of one integration waiting at most while its far end stalls. */
  waitingMax: number
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
/** A far end that answered nothing for this long, with a full lane, stalls. */
const STALL_MS = 250

type Pace = { cap: number, meanMs: number, healthy: boolean, slow: boolean, answeredMs: number }

const learn = (pace: Pace, { healthy, tookMs, inFlightMax, nowMs }: { healthy: boolean, tookMs: number, inFlightMax: number, nowMs: number }): void => {
  pace.meanMs += (tookMs - pace.meanMs) * (pace.meanMs === 0 ? 1 : MEAN_WEIGHT)
  pace.healthy = healthy
  pace.answeredMs = nowMs
  pace.cap = healthy ? Math.min(inFlightMax, pace.cap + 1) : Math.max(Math.min(CAP_MIN, inFlightMax), pace.cap >> 1)
}

export const createLane = ({ inFlightMax, waitingMax, waitMsMax, now }: LaneOptions): Lane => {
  const pace: Pace = { cap: Math.min(CAP_FIRST, inFlightMax), meanMs: 0, healthy: true, slow: false, answeredMs: now() }
  // Start times of what is in flight: a Set keeps them oldest first.
  const inFlight = new Set<{ startMs: number }>()
  const waiting: Waiting[] = []
  let held = 0

  // A far end that never answers has no mean, but its oldest flight has an age.
  const toTimeMs = (): number => {
    const [oldest] = inFlight
    return Math.max(pace.meanMs, oldest === undefined ? 0 : now() - oldest.startMs)
  }

  const hold = (): Admission => {
    held += 1
    return { kind: 'hold', waitMs: (waiting.length + held) * toTimeMs() / pace.cap }
  }

  const go = (): Admission => {
    const flight = { startMs: now() }
    inFlight.add(flight)
    return { kind: 'go', leave: healthy => { if (inFlight.delete(flight)) land(healthy, now() - flight.startMs) } }
  }

  const land = (healthy: boolean, tookMs: number): void => {
    learn(pace, { healthy, tookMs, inFlightMax, nowMs: now() })
    while (inFlight.size < pace.cap && waiting.length > 0) waiting.shift()?.admit(go())
    if (waiting.length === 0) pace.slow = false
  }

  const isFull = (): boolean => pace.slow
    ? waiting.length >= pace.cap
    : waiting.length >= waitingMax && now() - pace.answeredMs > STALL_MS

  return {
    enter: async returning => {
      if (returning) held = Math.max(0, held - 1)
      if (inFlight.size < pace.cap) return go()
      return isFull() ? hold() : await new Promise(resolve => waiting.push({ sinceMs: now(), admit: resolve }))
    },
    sweep: () => {
      const young = waiting.findIndex(({ sinceMs }) => now() - sinceMs <= waitMsMax)
      const tooOld = waiting.splice(0, young === -1 ? waiting.length : young)
      if (tooOld.length > 0) pace.slow = true
      for (const { admit } of tooOld) admit(hold())
    },
    isIdle: () => inFlight.size === 0 && waiting.length === 0 && held === 0 && pace.healthy,
    figures: () => ({ inFlight: inFlight.size, waiting: waiting.length, held, cap: pace.cap })
  }
}
