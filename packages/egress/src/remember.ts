/** Asks `ask` once per key: callers at the same time share one answer, and it serves for some time. */
export type Remember<Value> = (key: string) => Value | Promise<Value>

type Entry<Value> = { value: Value | Promise<Value>, askedMs: number, isRefreshing: boolean }

export type RememberOptions<Value> = {
  /** Must not reject. */
  ask: (key: string) => Promise<Value>
  /** How long an answer serves, from the moment it was asked for. 0 shares only what is asked at the same time. */
  cacheMs: number
  entriesMax: number
  now: () => number
}

/**
 * After half of `cacheMs` an answer in use is asked for again while it still serves, so a key in use never waits; after `cacheMs` it
 * serves nobody.
 */
export const createRemember = <Value>({ ask, cacheMs, entriesMax, now }: RememberOptions<Value>): Remember<Value> => {
  const entries = new Map<string, Entry<Value>>()

  const put = (key: string, entry: Entry<Value>): void => {
    entries.delete(key)
    const oldest = entries.size >= entriesMax ? entries.keys().next().value : undefined
    if (oldest !== undefined) entries.delete(oldest)
    entries.set(key, entry)
  }

  const askAnew = (key: string): Promise<Value> => {
    const asked = ask(key)
    const entry: Entry<Value> = { value: asked, askedMs: now(), isRefreshing: false }
    put(key, entry)
    void asked.then(value => { entry.value = value })
    return asked
  }

  const refresh = (key: string, entry: Entry<Value>): void => {
    entry.isRefreshing = true
    const askedMs = now()
    void ask(key).then(value => put(key, { value, askedMs, isRefreshing: false }))
  }

  return key => {
    const entry = entries.get(key)
    if (entry === undefined) return askAnew(key)
    if (entry.value instanceof Promise) return entry.value
    const ageMs = now() - entry.askedMs
    if (ageMs >= cacheMs) return askAnew(key)
    if (ageMs > cacheMs / 2 && !entry.isRefreshing) refresh(key, entry)
    return entry.value
  }
}
