import type { Receipt } from "./receipts.js";

/** Where a subscriber keeps what it has taken in: in the transaction of the effect, or an effect may happen twice. */
export interface Store<Tx> {
  /** Runs `work` in a transaction: all of it is kept, or, when it throws, nothing. */
  transaction<R>(work: (tx: Tx) => Promise<R>): Promise<R>;
  /** Whether nobody has taken this event. From now on it is this transaction's; a second owner waits until that is over. */
  claim(tx: Tx, event: Claim): Promise<boolean>;
  /** The highest `sequence` of a subject before the event that was just claimed; 0n for none. */
  last(tx: Tx, event: Claim): Promise<bigint>;
  /** Keeps the receipt of a consent's end with the event that ended it. */
  keepReceipt(tx: Tx, event: Claim, receipt: Receipt): Promise<void>;
  /** The receipts that were not sent yet, the oldest first. */
  receiptsToSend(tx: Tx, limit: number): Promise<ToSend[]>;
  /** From now on this receipt need not be sent. */
  receiptWasSent(tx: Tx, event: ToSend): Promise<void>;
}

/** A receipt, with the event that it is about. */
export interface ToSend {
  readonly source: string;
  readonly id: string;
  readonly receipt: Receipt;
}

/** An event, as the inbox knows it. */
export interface Claim {
  readonly source: string;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly municipality: string;
  readonly key: string;
  readonly sequence: bigint | null;
  readonly number: bigint;
  readonly outcome: "taken" | "passed-by";
}

/** Keeps nothing beyond this process: for tests, and for effects that are no more durable. */
export class MemoryStore implements Store<null> {
  #taken = new Map<string, Claim>();
  #lasts = new Map<string, bigint>();
  #receipts = new Map<string, ToSend>();
  #queue: Promise<unknown> = Promise.resolve();

  transaction<R>(work: (tx: null) => Promise<R>): Promise<R> {
    const done = this.#queue.then(async () => {
      const taken = new Map(this.#taken);
      const lasts = new Map(this.#lasts);
      const receipts = new Map(this.#receipts);
      try {
        return await work(null);
      } catch (error) {
        this.#taken = taken;
        this.#lasts = lasts;
        this.#receipts = receipts;
        throw error;
      }
    });
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async claim(_tx: null, event: Claim): Promise<boolean> {
    const known = `${event.source} ${event.id}`;
    if (this.#taken.has(known)) return false;
    this.#taken.set(known, event);
    return true;
  }

  async last(_tx: null, event: Claim): Promise<bigint> {
    const counted = `${event.source} ${event.subject}`;
    const last = this.#lasts.get(counted) ?? 0n;
    if (event.sequence !== null && event.sequence > last) this.#lasts.set(counted, event.sequence);
    return last;
  }

  async keepReceipt(_tx: null, { source, id }: Claim, receipt: Receipt): Promise<void> {
    this.#receipts.set(`${source} ${id}`, { source, id, receipt });
  }

  async receiptsToSend(_tx: null, limit: number): Promise<ToSend[]> {
    return [...this.#receipts.values()].slice(0, limit);
  }

  async receiptWasSent(_tx: null, { source, id }: ToSend): Promise<void> {
    this.#receipts.delete(`${source} ${id}`);
  }
}

/** What this needs of a PostgreSQL client; one of the package `pg` has it. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

/** The table of the inbox: the same as in the Python package, so that the two may share a database. */
export const DDL = `
CREATE TABLE IF NOT EXISTS lagspill_inbox (
    consumer     text        NOT NULL,
    source       text        NOT NULL,
    id           text        NOT NULL,
    type         text,
    subject      text,
    municipality text,
    key          text,
    sequence     bigint,
    number       bigint,
    through      bigint,
    outcome      text        NOT NULL CHECK (outcome IN ('taken', 'passed-by', 'set-aside', 'lost', 'loss-accepted')),
    receipt      jsonb,
    receipt_sent timestamptz,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, source, id)
);
ALTER TABLE lagspill_inbox ADD COLUMN IF NOT EXISTS receipt_sent timestamptz;
CREATE INDEX IF NOT EXISTS lagspill_inbox_by_subject ON lagspill_inbox (consumer, source, subject, sequence);
CREATE INDEX IF NOT EXISTS lagspill_inbox_by_number ON lagspill_inbox (consumer, source, municipality, number);
CREATE INDEX IF NOT EXISTS lagspill_inbox_set_aside ON lagspill_inbox (consumer, key) WHERE outcome = 'set-aside';
CREATE INDEX IF NOT EXISTS lagspill_inbox_to_send ON lagspill_inbox (consumer, stored_at)
    WHERE receipt IS NOT NULL AND receipt_sent IS NULL;
`;

/** The table is there, and is not of a version before this one: so who may make none need not. */
const IS_MADE = `
SELECT true FROM pg_attribute WHERE attrelid = to_regclass('lagspill_inbox') AND attname = 'receipt_sent' AND NOT attisdropped
`;

/** Keeps the inbox in PostgreSQL; makes its table when it is not there. */
export class PostgresStore<Client extends Queryable> implements Store<Client> {
  #made: Promise<void> | undefined;

  /**
   * @param consumer whose rows these are; another name begins anew
   * @param connect runs a function with a connection of its own, and takes it back afterwards
   */
  constructor(
    readonly consumer: string,
    private readonly connect: <R>(work: (client: Client) => Promise<R>) => Promise<R>,
  ) {}

  async transaction<R>(work: (tx: Client) => Promise<R>): Promise<R> {
    this.#made ??= this.#within(async (tx) => {
      // Instances that start together make the table one after the other.
      await tx.query("SELECT pg_advisory_xact_lock(hashtext('lagspill_inbox'))");
      if ((await tx.query(IS_MADE)).rows.length === 0) await tx.query(DDL);
    }).catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    await this.#made;
    return this.#within(work);
  }

  #within<R>(work: (tx: Client) => Promise<R>): Promise<R> {
    return this.connect(async (client) => {
      await client.query("BEGIN");
      try {
        const done = await work(client);
        await client.query("COMMIT");
        return done;
      } catch (error) {
        await client.query("ROLLBACK").catch(() => undefined);
        throw error;
      }
    });
  }

  async claim(tx: Client, event: Claim): Promise<boolean> {
    const { rows } = await tx.query(
      `INSERT INTO lagspill_inbox (consumer, source, id, type, subject, municipality, key, sequence, number, outcome)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING true`,
      [
        this.consumer,
        event.source,
        event.id,
        event.type,
        event.subject,
        event.municipality,
        event.key,
        event.sequence?.toString() ?? null,
        event.number.toString(),
        event.outcome,
      ],
    );
    return rows.length === 1;
  }

  async last(tx: Client, event: Claim): Promise<bigint> {
    const { rows } = await tx.query(
      `SELECT coalesce(max(sequence), 0)::text AS last FROM lagspill_inbox
       WHERE consumer = $1 AND source = $2 AND subject = $3 AND id <> $4`,
      [this.consumer, event.source, event.subject, event.id],
    );
    return BigInt(String(rows[0]?.last ?? 0));
  }

  async keepReceipt(tx: Client, event: Claim, receipt: Receipt): Promise<void> {
    await tx.query(
      "UPDATE lagspill_inbox SET receipt = $4::text::jsonb WHERE consumer = $1 AND source = $2 AND id = $3",
      [this.consumer, event.source, event.id, JSON.stringify(receipt)],
    );
  }

  async receiptsToSend(tx: Client, limit: number): Promise<ToSend[]> {
    const { rows } = await tx.query(
      `SELECT source, id, receipt FROM lagspill_inbox
       WHERE consumer = $1 AND receipt IS NOT NULL AND receipt_sent IS NULL ORDER BY stored_at, id LIMIT $2`,
      [this.consumer, limit],
    );
    return rows as unknown as ToSend[];
  }

  async receiptWasSent(tx: Client, event: ToSend): Promise<void> {
    await tx.query("UPDATE lagspill_inbox SET receipt_sent = now() WHERE consumer = $1 AND source = $2 AND id = $3", [
      this.consumer,
      event.source,
      event.id,
    ]);
  }
}
