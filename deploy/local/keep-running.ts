/** A process of this run that can be started again. */
export type Part = {
  name: string
  /** A piece of its command line that tells it from a stranger. */
  mark: string
  pid: () => number
  /** Starts it and resolves when it is ready. */
  start: () => Promise<void>
  /** Resolves when it is not running, with how it ended. */
  ended: () => Promise<string>
}

export type Watch = {
  say: (line: string) => void
  isStopping: () => boolean
  /** Told when a part has ended and when it is ready again. */
  onChange: (part: Part, running: boolean) => void
}

const AGAIN_MS = 500
const AGAIN_MS_MAX = 30_000

/** Starts a part again when it ends by itself, as a cluster would; nothing is lost meanwhile. One that does not come up is tried ever more rarely. */
export const keepRunning = async (part: Part, { say, isStopping, onChange }: Watch): Promise<void> => {
  let againMs = AGAIN_MS
  const startAgain = async (): Promise<void> => {
    try {
      await part.start()
      againMs = AGAIN_MS
      onChange(part, true)
      say(`${part.name} is ready again`)
    } catch (error) {
      againMs = Math.min(2 * againMs, AGAIN_MS_MAX)
      if (!isStopping()) say(error instanceof Error ? error.message : String(error))
    }
  }
  for (;;) {
    const how = await part.ended()
    if (isStopping()) return
    onChange(part, false)
    say(`${part.name} ended (${how}): it is started again`)
    await new Promise(resolve => setTimeout(resolve, againMs))
    if (isStopping()) return
    await startAgain()
  }
}
