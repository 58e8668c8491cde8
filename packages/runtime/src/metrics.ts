import { Registry, collectDefaultMetrics, Counter, Histogram } from 'prom-client'

/** The figures of one process, read as Prometheus text. */
export type Metrics = {
  /** A counter; created at first use, labels by value. */
  count: (name: string, labels?: Record<string, string>, by?: number) => void
  /** A duration in seconds. */
  observe: (name: string, seconds: number, labels?: Record<string, string>) => void
  text: () => Promise<string>
}

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 600]

/** Process figures from the start; product figures as they are named. */
export const createMetrics = (service: string): Metrics => {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const counters = new Map<string, Counter>()
  const histograms = new Map<string, Histogram>()
  const counter = (name: string, labelNames: string[]): Counter => {
    const made = counters.get(name) ?? new Counter({ name, help: name, labelNames, registers: [registry] })
    counters.set(name, made)
    return made
  }
  const histogram = (name: string, labelNames: string[]): Histogram => {
    const made = histograms.get(name) ?? new Histogram({ name, help: name, labelNames, buckets: BUCKETS_S, registers: [registry] })
    histograms.set(name, made)
    return made
  }
  // A series is looked up once by its labels; the library would sort and join them at each call.
  const counts = new Map<string, { inc: (by: number) => void }>()
  const observations = new Map<string, { observe: (seconds: number) => void }>()
  const toKey = (name: string, labels: Record<string, string>): string => {
    let key = name
    for (const label in labels) key += `\n${labels[label]}`
    return key
  }
  return {
    count: (name, labels = {}, by = 1) => {
      const key = toKey(name, labels)
      const series = counts.get(key) ?? counter(name, Object.keys(labels)).labels(labels)
      counts.set(key, series)
      series.inc(by)
    },
    observe: (name, seconds, labels = {}) => {
      const key = toKey(name, labels)
      const series = observations.get(key) ?? histogram(name, Object.keys(labels)).labels(labels)
      observations.set(key, series)
      series.observe(seconds)
    },
    text: () => registry.metrics()
  }
}
