/** A bounded room: `enter` resolves with the way out as soon as there is a place. First come, first served. */
export const createRoom = (places: number): { enter: () => Promise<() => void>, taken: () => number } => {
  const waiting: Array<() => void> = []
  let taken = 0
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) taken -= 1
    else next()
  }
  const toWayOut = (): (() => void) => {
    let left = false
    return () => { if (!left) { left = true; leave() } }
  }
  return {
    taken: () => taken,
    enter: async () => {
      if (taken < places) taken += 1
      else await new Promise<void>(resolve => waiting.push(resolve))
      return toWayOut()
    }
  }
}
