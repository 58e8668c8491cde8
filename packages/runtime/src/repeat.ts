/** After trouble the next run comes sooner than a whole hour. */
const AFTER_TROUBLE_MS = 5_000

/**
 * Does `work` at once and then again `everyMs` after it ended, never twice at the same time. `stop` resolves when what was begun has
 * ended; nothing begins after it.
 */
export const repeat = (work: () => Promise<unknown>, { everyMs, onTrouble }: { everyMs: number, onTrouble: (error: unknown) => void }): { stop: () => Promise<void> } => {
  const state: { stopping: boolean, wake: () => void } = { stopping: false, wake: () => undefined }
  const rest = (ms: number): Promise<void> => new Promise(resolve => {
    const timer = setTimeout(resolve, ms)
    state.wake = () => { clearTimeout(timer); resolve() }
  })
  const ended = (async () => {
    while (!state.stopping) {
      let restMs = everyMs
      await work().catch(error => { onTrouble(error); restMs = Math.min(everyMs, AFTER_TROUBLE_MS) })
      if (!state.stopping) await rest(restMs)
    }
  })()
  return { stop: async () => { state.stopping = true; state.wake(); await ended } }
}
