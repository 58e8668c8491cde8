/** What the promise comes to, or undefined when it takes longer than `deadlineMs`. */
export const within = async <Value>(promise: Promise<Value>, deadlineMs: number): Promise<Value | undefined> => {
  const { promise: expired, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), deadlineMs)
  try {
    return await Promise.race([promise, expired])
  } finally {
    clearTimeout(timer)
  }
}
