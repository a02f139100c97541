import { checkData, readEnvelope, UnreadableError, type EventType, type LagspillEvent } from "./event.js";
import { foundLoss, type Loss } from "./gaps.js";
import { ENDINGS, NotTakenError, sendReceipt, type Acknowledging } from "./receipts.js";
import type { Store } from "./store.js";
import { SignatureRefusedError, verifyWebhook, type Headers } from "./webhook.js";

const AT_ONCE = 50;
const LONGEST_PAUSE = 60_000;

/** Something that was published has not come: go no further on a wrong picture. */
export class LostError extends Error {
  override readonly name = "LostError";
  constructor(readonly loss: Loss) {
    super(`lost: ${loss.source} ${loss.about}: sequence ${loss.first} to ${loss.last}`);
  }
}

/** A number is how many things were taken back because a consent ended: it is kept as the receipt, and sent. Of another event it says nothing. */
export type Handler<Tx, T extends EventType> = (tx: Tx, event: LagspillEvent<T>) => Promise<number | void>;

/** What became of a record: its effect happened, it was nothing of ours, or it had come before. */
export type Outcome = "taken" | "passed-by" | "duplicate";

export interface Options {
  /** Whether every event of a subject comes: false where a webhook has a filter on types or units. */
  readonly counted?: boolean;
  /** Where receipts are sent, after the events that they are about were taken. */
  readonly acknowledging?: Acknowledging | undefined;
  /** Is told what was not taken or not sent, with the kind of failure and no word of content; `console.warn` without one. */
  readonly log?: (message: string) => void;
}

/** What an error is. Its text is told only where this package wrote it: another's may quote content. */
function kindOf(error: unknown): string {
  if (error instanceof LostError || error instanceof UnreadableError || error instanceof NotTakenError) return error.message;
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  // Of a database what it is and no word of it: 42P01 that a table is not there (PostgreSQL, appendix A).
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? `${error.name} ${code}` : error.name;
}

/** Takes events in, each with its effect once. */
export class Subscriber<Tx> {
  readonly #handlers = new Map<string, (tx: Tx, event: LagspillEvent) => Promise<number | void>>();
  readonly #counted: boolean;
  readonly #acknowledging: Acknowledging | undefined;
  readonly #log: (message: string) => void;
  #sending: Promise<number> = Promise.resolve(0);
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopped = false;

  constructor(
    private readonly store: Store<Tx>,
    options: Options = {},
  ) {
    this.#counted = options.counted ?? true;
    this.#acknowledging = options.acknowledging;
    this.#log = options.log ?? ((message) => console.warn(`lagspill: ${message}`));
    if (this.#acknowledging !== undefined) this.#sendSoon(0);
  }

  /** Handle events of this type, each in the transaction in which the store knows it from then on. */
  on<T extends EventType>(type: T, handler: Handler<Tx, T>): this {
    if (this.#handlers.has(type)) throw new Error(`${type} has a handler already`);
    this.#handlers.set(type, handler as unknown as (tx: Tx, event: LagspillEvent) => Promise<number | void>);
    return this;
  }

  /**
   * Let a record have its effect, once; resolves when that is durable. Commit Kafka's offset afterwards, and not before.
   *
   * @throws UnreadableError it cannot be read: stop, or set it aside
   * @throws LostError an earlier one of its subject has not come; nothing was done
   */
  async take(value: string | Uint8Array | null): Promise<Outcome> {
    const event = readEnvelope(value);
    const handler = this.#handlers.get(event.type);
    if (handler !== undefined) checkData(event);
    const claim = {
      source: event.source,
      id: event.id.toLowerCase(),
      type: event.type,
      subject: event.subject,
      municipality: event.municipality,
      key: event.partitionkey,
      sequence: event.sequence === undefined ? null : BigInt(event.sequence),
      number: BigInt(event.sourcesequence),
      outcome: handler === undefined ? ("passed-by" as const) : ("taken" as const),
    };
    const taken = await this.store.transaction(async (tx) => {
      if (!(await this.store.claim(tx, claim))) return "duplicate";
      if (this.#counted && event.sequence !== undefined) {
        const loss = foundLoss(event, await this.store.last(tx, claim));
        if (loss !== null) throw new LostError(loss);
      }
      const takenBack = await handler?.(tx, event as unknown as LagspillEvent);
      if (typeof takenBack === "number" && (ENDINGS as readonly string[]).includes(event.type)) {
        const { consent, version } = event.data as { consent: string; version: number };
        await this.store.keepReceipt(tx, claim, { consent, consent_version: version, items_removed: takenBack });
      }
      return claim.outcome;
    });
    if (taken === "taken" && this.#acknowledging !== undefined) this.#sendSoon(0);
    return taken;
  }

  /**
   * Send every receipt that was not sent yet; resolves with how many those were. With `acknowledging` this happens by itself,
   * after each event and at the start, and again after growing pauses until it is taken.
   *
   * @throws NotTakenError it is not taken; this one and those behind it are sent the next time
   */
  sendReceipts(): Promise<number> {
    const sent = this.#sending.catch(() => 0).then(() => this.#sendAll());
    this.#sending = sent;
    return sent;
  }

  /** Send nothing more by itself: for a process that is about to end. What is left is sent when it is back. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopped = true;
    await this.#sending.catch(() => 0);
  }

  async #sendAll(): Promise<number> {
    const to = this.#acknowledging;
    let sent = 0;
    for (let last = to === undefined; !last; ) {
      const waiting = await this.store.transaction((tx) => this.store.receiptsToSend(tx, AT_ONCE));
      for (const one of waiting) {
        const refused = await sendReceipt(to!, one.id, one.receipt);
        if (refused !== undefined) this.#log(`a receipt is of no use: ${refused}`);
        await this.store.transaction((tx) => this.store.receiptWasSent(tx, one));
        sent += 1;
        this.#failures = 0;
      }
      last = waiting.length < AT_ONCE;
    }
    return sent;
  }

  #sendSoon(milliseconds: number): void {
    if (this.#stopped || (this.#timer !== undefined && milliseconds === 0)) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.sendReceipts().then(
        () => undefined,
        (error: unknown) => {
          const pause = Math.min(1000 * 2 ** this.#failures++, LONGEST_PAUSE);
          this.#log(`receipts are sent again in ${pause / 1000} s: ${kindOf(error)}`);
          this.#sendSoon(pause);
        },
      );
    }, milliseconds);
    this.#timer.unref(); // it keeps no process alive: what is left is sent when it is back
  }

  /**
   * Take a webhook in and return the status to answer with: 204 once its effect is stored, and not before.
   *
   * 401: not signed just now. 400: cannot be read. 409: an earlier one of its subject has not come. 500: anything else. All are
   * sent again, in order.
   */
  async receive(secrets: string | readonly string[], headers: Headers, body: Buffer): Promise<number> {
    try {
      verifyWebhook(secrets, headers, body);
      await this.take(body);
      return 204;
    } catch (error) {
      if (error instanceof SignatureRefusedError) return 401;
      this.#log(`not taken: ${kindOf(error)}`);
      if (error instanceof UnreadableError) return 400;
      if (error instanceof LostError) return 409;
      return 500;
    }
  }
}
