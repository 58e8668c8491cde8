import { webhook } from '@tw/connectors/webhook'
import { runWorker } from '@tw/worker-kit'

await runWorker(webhook)
