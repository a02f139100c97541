import { checkData, readEnvelope, UnreadableError, type EventType, type LagspillEvent } from "./event.js";
import { foundLoss, type Loss } from "./gaps.js";
import type { Store } from "./store.js";
import { SignatureRefusedError, verifyWebhook, type Headers } from "./webhook.js";

/** Something that was published has not come: go no further on a wrong picture. */
export class LostError extends Error {
  override readonly name = "LostError";
  constructor(readonly loss: Loss) {
    super(`lost: ${loss.source} ${loss.about}: sequence ${loss.first} to ${loss.last}`);
  }
}

export type Handler<Tx, T extends EventType> = (tx: Tx, event: LagspillEvent<T>) => Promise<void>;

/** What became of a record: its effect happened, it was nothing of ours, or it had come before. */
export type Outcome = "taken" | "passed-by" | "duplicate";

export interface Options {
  /** Whether every event of a subject comes: false where a webhook has a filter on types or units. */
  readonly counted?: boolean;
}

/** Takes events in, each with its effect once. */
export class Subscriber<Tx> {
  readonly #handlers = new Map<string, (tx: Tx, event: LagspillEvent) => Promise<void>>();
  readonly #counted: boolean;

  constructor(
    private readonly store: Store<Tx>,
    options: Options = {},
  ) {
    this.#counted = options.counted ?? true;
  }

  /** Handle events of this type, each in the transaction in which the store knows it from then on. */
  on<T extends EventType>(type: T, handler: Handler<Tx, T>): this {
    if (this.#handlers.has(type)) throw new Error(`${type} has a handler already`);
    this.#handlers.set(type, handler as unknown as (tx: Tx, event: LagspillEvent) => Promise<void>);
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
    return this.store.transaction(async (tx) => {
      if (!(await this.store.claim(tx, claim))) return "duplicate";
      if (this.#counted && event.sequence !== undefined) {
        const loss = foundLoss(event, await this.store.last(tx, claim));
        if (loss !== null) throw new LostError(loss);
      }
      if (handler !== undefined) await handler(tx, event as unknown as LagspillEvent);
      return claim.outcome;
    });
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
      if (error instanceof UnreadableError) return 400;
      if (error instanceof LostError) return 409;
      return 500;
    }
  }
}
