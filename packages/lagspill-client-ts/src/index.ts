export {
  isType,
  readEvent,
  UnreadableError,
  type Envelope,
  type EventType,
  type LagspillEvent,
  type UnknownEvent,
} from "./event.js";
export type * from "./events.js";
export { foundLoss, Numbers, type Loss } from "./gaps.js";
export {
  acknowledgingFromEnvironment,
  clientCredentials,
  ENDINGS,
  NotTakenError,
  sendReceipt,
  type Acknowledging,
  type Receipt,
} from "./receipts.js";
export { DDL, MemoryStore, PostgresStore, type Claim, type Queryable, type Store, type ToSend } from "./store.js";
export { LostError, Subscriber, type Handler, type Options, type Outcome } from "./subscriber.js";
export { SignatureRefusedError, verifyWebhook, type Headers } from "./webhook.js";
