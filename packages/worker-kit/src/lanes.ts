// The lanes of a worker, one for each integration. Guarantees: a lane has at most `inFlightMax` deliveries in flight, fewer while its far
// end fails; a delivery waits for its lane no longer than `waitMsMax` and a sweep, then it is to be held in a tier. So a slow or dead far
// end fills its own lane only.
import { createLane, type Admission, type Lane, type LaneOptions } from './lane.ts'

export type Lanes = {
  /** `returning`: it was held before. */
  enter: (integrationId: string, returning: boolean) => Promise<Admission>
  /** Holds what has waited too long and forgets idle lanes; to be called regularly. */
  sweep: () => void
  figures: () => { lanes: number, waiting: number, full: number }
}

/** Lanes of one worker. */
export const createLanes = (options: LaneOptions): Lanes => {
  const lanes = new Map<string, Lane>()
  const find = (integrationId: string): Lane => {
    const lane = lanes.get(integrationId) ?? createLane(options)
    lanes.set(integrationId, lane)
    return lane
  }
  return {
    enter: (integrationId, returning) => find(integrationId).enter(returning),
    sweep: () => {
      for (const [integrationId, lane] of lanes) {
        lane.sweep()
        if (lane.isIdle()) lanes.delete(integrationId)
      }
    },
    figures: () => {
      const all = [...lanes.values()].map(lane => lane.figures())
      return {
        lanes: all.length,
        waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
        full: all.filter(({ inFlight, cap }) => inFlight >= cap).length
      }
    }
  }
}
