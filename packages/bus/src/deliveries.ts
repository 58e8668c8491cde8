import { TypeCompiler } from '@sinclair/typebox/compiler'
import { DeliverySummary, subjects, toDeliverySummary, type Delivery } from '@tw/contracts'
import type { Message } from './consume.ts'
import type { Publication } from './publish.ts'

const SUMMARY = 'Tw-Delivery'
const checker = TypeCompiler.Compile(DeliverySummary)

/** A delivery for stream DELIVERIES. Published twice it is stored once, for the message id is the delivery's and its round's. */
export const toPublication = (delivery: Delivery): Publication => ({
  subject: subjects.delivery(delivery.connector),
  data: JSON.stringify(delivery),
  messageId: delivery.round === 0 ? delivery.id : `${delivery.id}:${delivery.round}`,
  headers: { [SUMMARY]: JSON.stringify(toDeliverySummary(delivery)) }
})

/** What the log needs of it, without its body; undefined when the message is none of this version's. */
export const findSummary = (message: Message): DeliverySummary | undefined => {
  const header = message.header(SUMMARY)
  const value: unknown = header === undefined ? undefined : JSON.parse(header)
  return checker.Check(value) ? value : undefined
}
