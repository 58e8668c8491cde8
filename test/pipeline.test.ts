import { createHmac } from 'node:crypto'
import t from 'tap'
import { Webhook } from 'standardwebhooks'
import { openFarEnd } from '@tw/testkit'
import { FAST, openStack, until } from './stack.ts'

const stack = await openStack()
t.teardown(stack.close)
const { platform, emit, addWebhook, untilLogged } = stack
