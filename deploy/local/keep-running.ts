import type { Platform, Service } from '@tw/testkit'

const AGAIN_MS = 1_000

/** Starts a service again when it ends by itself, as a cluster would; nothing is lost meanwhile. */
export const keepRunning = (platform: Platform, { say, isStopping }: { say: (line: string) => void, isStopping: () => boolean }): void => {
  const watch = async (service: Service): Promise<void> => {
    while (!isStopping()) {
      const how = await service.ended()
      if (isStopping()) return
      say(`${service.name} ended (${how}) and is started again`)
      await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
      await service.start().catch(error => say(String(error)))
    }
  }
  for (const service of Object.values(platform.services)) void watch(service)
}
