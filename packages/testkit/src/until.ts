/** Waits for the thing, not for a time: asks again until it holds. Throws an Error that says what never came. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> => {
  const deadlineMs = Date.now() + withinMs
  while (!await holds()) {
    if (Date.now() > deadlineMs) throw new Error(`Waited ${withinMs / 1_000} s in vain for: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
