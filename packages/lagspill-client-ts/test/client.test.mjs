// What the package decides without a server, and its inbox in PostgreSQL where DATABASE_URL says one. Run after `npm run build`.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import pg from "pg";
import {
  DDL,
  isType,
  LostError,
  MemoryStore,
  Numbers,
  PostgresStore,
  readEvent,
  SignatureRefusedError,
  Subscriber,
  UnreadableError,
  verifyWebhook,
} from "../dist/index.js";

const schemas = new URL("../../../shared/contracts/schemas/", import.meta.url);
const examples = readdirSync(schemas)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, schemas), "utf8")).examples[0]);
const WITHDRAWN = "no.lagspill.cases.consent.withdrawn.v1";
const withdrawn = examples.find(({ type }) => type === WITHDRAWN);

const digits = (number) => String(number).padStart(20, "0");
let made = 0;
const event = (sequence, changes = {}) =>
  JSON.stringify({
    ...withdrawn,
    id: `01995a3e-7d00-7000-8000-${String((made += 1)).padStart(12, "0")}`,
    sequence: digits(sequence),
    sourcesequence: digits(made),
    ...changes,
  });

test("the example of every type is read, also when it has grown", () => {
  assert.ok(examples.length > 150);
  for (const example of examples) {
    assert.deepEqual(readEvent(JSON.stringify(example)), example);
    const grown = { foldedtime: "x", ...example, data: { folded: [1], ...example.data } };
    assert.deepEqual(readEvent(Buffer.from(JSON.stringify(grown))), grown);
  }
});

test("a type of tomorrow is read, and is none of today's", () => {
  const tomorrow = readEvent(event(1, { type: "no.lagspill.cases.consent.withdrawn.v2" }));
  assert.ok(!isType(tomorrow, WITHDRAWN));
  assert.ok(isType(readEvent(event(1)), WITHDRAWN));
});

test("what is no event is unreadable, and not quoted", () => {
  const wrong = [null, "", "{", "[]", "null", Buffer.from([0xff, 0x22]), `"${"x".repeat(65536)}"`];
  for (const name of ["specversion", "id", "source", "type", "subject", "sourcesequence", "municipality", "data"]) {
    wrong.push(event(1, { [name]: undefined }));
  }
  wrong.push(event(1, { source: "/services/notify" }), event(1, { sequence: "7" }));
  wrong.push(event(1, { data: { ...withdrawn.data, version: 0 } }));
  wrong.push(event(1, { data: { ...withdrawn.data, consent: "Solstråle" } }));
  wrong.push(event(1, { data: { ...withdrawn.data, effective_at: "yesterday" } }));
  for (const value of wrong) {
    assert.throws(() => readEvent(value), (error) => error instanceof UnreadableError && !/Solstr/.test(error.message));
  }
});

test("the holes are the numbers that are not there, whatever the order", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const numbers = new Numbers();
    const taken = new Set();
    let state = seed;
    for (let step = 0; step < 40; step += 1) {
      state = (state * 48271) % 2147483647;
      const number = (state % 30) + 1;
      taken.add(number);
      numbers.add({ ...withdrawn, sourcesequence: digits(number) });
      const missing = [];
      for (let each = 1; each < Math.max(...taken); each += 1) if (!taken.has(each)) missing.push(each);
      const found = numbers.holes().flatMap(({ first, last }) =>
        Array.from({ length: Number(last - first) + 1 }, (_, index) => Number(first) + index),
      );
      assert.deepEqual(found, missing);
    }
  }
});

test("a signature is believed for five minutes, of any secret that is known", () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  const other = `whsec_${Buffer.alloc(32, 8).toString("base64")}`;
  const body = Buffer.from("{}");
  const signed = (by, late, over = body) => {
    const at = new Date(Date.now() - late * 1000);
    return {
      "Webhook-Id": "1",
      "webhook-timestamp": String(Math.floor(at / 1000)),
      "webhook-signature": new Webhook(by).sign("1", at, over),
    };
  };
  verifyWebhook(secret, signed(secret, 290), body);
  verifyWebhook([other, secret], signed(secret, -290), body);
  verifyWebhook(secret, { ...signed(secret, 0), "webhook-signature": `v1,AAAA ${signed(secret, 0)["webhook-signature"]}` }, body);
  for (const [headers, given] of [
    [{}, body],
    [signed(other, 0), body],
    [signed(secret, 320), body],
    [signed(secret, -320), body],
    [signed(secret, 0), Buffer.from("{} ")],
    [{ ...signed(secret, 0), "Webhook-Id": "2" }, body],
  ]) {
    assert.throws(() => verifyWebhook(secret, headers, given), SignatureRefusedError);
  }
  assert.throws(() => verifyWebhook("whsec_", signed(secret, 0), body));
});

async function keepsTheRules(store, effects) {
  let fails = false;
  const subscriber = new Subscriber(store).on(WITHDRAWN, async (tx, { data }) => {
    await effects.add(tx, data.consent);
    if (fails) throw new Error("broken");
  });
  assert.throws(() => subscriber.on(WITHDRAWN, async () => undefined));
  const [first, second, third] = [1, 2, 3].map((sequence) => event(sequence));
  const seal = event(1, { type: "no.lagspill.cases.journal.sealed.v1", sequence: undefined, data: {} });
  assert.deepEqual([await subscriber.take(first), await subscriber.take(first)], ["taken", "duplicate"]);
  await assert.rejects(subscriber.take(third), (error) => error instanceof LostError && error.loss.first === 2n);
  assert.equal(await effects.count(), 1, "what is behind a gap has no effect");
  fails = true;
  await assert.rejects(subscriber.take(second), /broken/);
  fails = false;
  assert.equal(await effects.count(), 1, "what failed has none");
  assert.deepEqual((await Promise.all([subscriber.take(second), subscriber.take(second)])).sort(), [
    "duplicate",
    "taken",
  ]);
  assert.equal(await subscriber.take(third), "taken", "what came too early is taken when its time has come");
  assert.equal(await subscriber.take(event(4, { type: "no.lagspill.cases.case.folded.v1", data: {} })), "passed-by");
  await assert.rejects(subscriber.take(event(6)), LostError);
  assert.equal(await subscriber.take(seal), "passed-by");
  await assert.rejects(subscriber.take(event(5, { data: { ...withdrawn.data, version: 0 } })), UnreadableError);
  assert.equal(await effects.count(), 3);
  assert.equal(await new Subscriber(store, { counted: false }).take(event(9)), "passed-by");
}

test("the inbox in memory", async () => {
  let happened = 0;
  // An effect in memory is not undone by a transaction: this one counts what was kept.
  const store = new MemoryStore();
  const inner = store.transaction.bind(store);
  store.transaction = async (work) => {
    const before = happened;
    try {
      return await inner(work);
    } catch (error) {
      happened = before;
      throw error;
    }
  };
  await keepsTheRules(store, { add: async () => { happened += 1; }, count: async () => happened });
});

test("the inbox in PostgreSQL", { skip: !process.env.DATABASE_URL }, async () => {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  await pool.query(`${DDL}; CREATE TABLE effects (consent text)`);
  const store = new PostgresStore("test", async (work) => {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  });
  await keepsTheRules(store, {
    add: (tx, consent) => tx.query("INSERT INTO effects VALUES ($1)", [consent]),
    count: async () => Number((await pool.query("SELECT count(*) FROM effects")).rows[0].count),
  });
  await pool.end();
});
