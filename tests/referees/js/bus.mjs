// The unmodified @azure/service-bus, in lines of JSON. Bodies travel as base64, instants as ISO 8601, sequence numbers
// as text; clients, senders, receivers and received messages are known by the numbers under which they were handed out.

import { load, serve } from "./lines.mjs";

const { ServiceBusClient } = load("@azure/service-bus");
const Long = load("long");
const long = (text) => (Long.default ?? Long).fromString(text);

const held = new Map();
let last = 0;

function hold(thing) {
  held.set(++last, thing);
  return last;
}

const outgoing = (told) => ({ ...told, body: Buffer.from(told.body, "base64") });

function incoming(message) {
  return {
    handle: hold(message),
    body: Buffer.from(message.body).toString("base64"),
    messageId: message.messageId,
    subject: message.subject,
    correlationId: message.correlationId,
    contentType: message.contentType,
    to: message.to,
    replyTo: message.replyTo,
    sessionId: message.sessionId,
    timeToLive: message.timeToLive,
    applicationProperties: message.applicationProperties ?? {},
    sequenceNumber: message.sequenceNumber.toString(),
    deliveryCount: message.deliveryCount,
    state: message.state,
    enqueued: message.enqueuedTimeUtc,
    lockedUntil: message.lockedUntilUtc,
    deadLetterReason: message.deadLetterReason,
    deadLetterDescription: message.deadLetterErrorDescription,
  };
}

const settlings = {
  complete: (receiver, message) => receiver.completeMessage(message),
  abandon: (receiver, message) => receiver.abandonMessage(message),
  defer: (receiver, message) => receiver.deferMessage(message),
  deadLetter: (receiver, message, reason, description) =>
    receiver.deadLetterMessage(message, { deadLetterReason: reason, deadLetterErrorDescription: description }),
};

const operations = {
  connect: ({ connectionString, retries }) =>
    hold(
      new ServiceBusClient(connectionString, {
        retryOptions: { maxRetries: retries, retryDelayInMs: 100, timeoutInMs: 10_000 },
      }),
    ),
  sender: ({ client, entity }) => hold(held.get(client).createSender(entity)),
  receiver: ({ client, entity, subscription, mode, subQueue }) => {
    const options = { receiveMode: mode, subQueueType: subQueue, skipParsingBodyAsJson: true };
    const path = subscription ? [entity, subscription] : [entity];
    return hold(held.get(client).createReceiver(...path, options));
  },
  session: async ({ client, entity, session }) => {
    const options = { skipParsingBodyAsJson: true, maxAutoLockRenewalDurationInMs: 0 };
    const receiver =
      session === null
        ? await held.get(client).acceptNextSession(entity, options)
        : await held.get(client).acceptSession(entity, session, options);
    return { handle: hold(receiver), session: receiver.sessionId, lockedUntil: receiver.sessionLockedUntilUtc };
  },
  send: ({ sender, messages }) => held.get(sender).sendMessages(messages.map(outgoing)),
  sendOne: ({ sender, message }) => held.get(sender).sendMessages(outgoing(message)),
  sendBatch: async ({ sender, messages }) => {
    const batch = await held.get(sender).createMessageBatch();
    for (const message of messages) {
      if (!batch.tryAddMessage(outgoing(message))) throw new Error("the batch is full");
    }
    await held.get(sender).sendMessages(batch);
  },
  schedule: async ({ sender, messages, at }) =>
    (await held.get(sender).scheduleMessages(messages.map(outgoing), new Date(at))).map(String),
  cancel: ({ sender, numbers }) => held.get(sender).cancelScheduledMessages(numbers.map(long)),
  receive: async ({ receiver, count, seconds }) =>
    (await held.get(receiver).receiveMessages(count, { maxWaitTimeInMs: 1000 * seconds })).map(incoming),
  deferred: async ({ receiver, numbers }) =>
    (await held.get(receiver).receiveDeferredMessages(numbers.map(long))).map(incoming),
  peek: async ({ receiver, count, from }) =>
    (await held.get(receiver).peekMessages(count, from ? { fromSequenceNumber: long(from) } : {})).map(incoming),
  settle: ({ receiver, message, how, reason, description }) =>
    settlings[how](held.get(receiver), held.get(message), reason, description),
  renew: ({ receiver, message }) => held.get(receiver).renewMessageLock(held.get(message)),
  renewSession: ({ receiver }) => held.get(receiver).renewSessionLock(),
  state: async ({ receiver }) => {
    const state = await held.get(receiver).getSessionState();
    return state && Buffer.from(state).toString("base64");
  },
  setState: ({ receiver, state }) => held.get(receiver).setSessionState(Buffer.from(state, "base64")),
  close: async ({ handle }) => {
    await held.get(handle).close();
    held.delete(handle);
  },
};

// After retries there is an error for each; the last one is the outcome.
serve(operations, (error) => {
  const { code, message } = error.errors?.at(-1) ?? error;
  return { code, message };
});
