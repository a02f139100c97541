// What the package decides without a server, and its inbox in PostgreSQL where DATABASE_URL says one. Run after `npm run build`.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import pg from "pg";
import {
  clientCredentials,
  DDL,
  isType,
  LostError,
  MemoryStore,
  NotTakenError,
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

/** Answers each request with what comes next, and keeps what it was asked. */
async function answering(...answers) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const { url, headers } = request;
    asked.push({ url, token: headers.authorization, key: headers["idempotency-key"], body: url === "/token" ? body : JSON.parse(body) });
    if (url === "/token") return response.end(JSON.stringify({ access_token: "t", expires_in: 300 }));
    const [status, code] = answers.shift() ?? [201];
    return response.writeHead(status, { location: "/elsewhere" }).end(JSON.stringify({ code }));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const home = `http://127.0.0.1:${server.address().port}`;
  return { home, asked, close: () => server.close() };
}

async function sendsReceipts(store) {
  const service = await answering([503, "unavailable"], [302], [404, "receipt-not-awaited"], [404, "subscription-not-found"], [201], [409, "receipt-differs"]);
  const subscription = `${service.home}/subscriptions/sub_x`;
  const acknowledging = { subscription, token: clientCredentials(`${service.home}/token`, "school-system", "x") };
  const told = [];
  const log = (message) => told.push(message);
  const subscriber = new Subscriber(store, { acknowledging, counted: false, log }).on(WITHDRAWN, async () => 2);
  await subscriber.stop(); // nothing by itself: what is sent here is sent by the test
  const ids = [];
  for (let each = 0; each < 3; each += 1) {
    const made = event(100 + each);
    ids.push(JSON.parse(made).id);
    await subscriber.take(made);
    await subscriber.take(made);
  }
  for (const status of ["503 unavailable", "302", "404 subscription-not-found"]) {
    await assert.rejects(subscriber.sendReceipts(), (error) => error instanceof NotTakenError && error.message.endsWith(status));
  }
  assert.equal(await subscriber.sendReceipts(), 2);
  assert.equal(await subscriber.sendReceipts(), 0, "each is sent until it is taken, and then no more");
  assert.deepEqual(told, ["receipt-not-awaited", "receipt-differs"].map((code) => `a receipt is of no use: ${code}`));
  const [token, ...sent] = service.asked;
  assert.equal(token.token, `Basic ${Buffer.from("school-system:x").toString("base64")}`);
  const [first, second, third] = ids;
  assert.deepEqual(sent.map(({ key }) => key), [first, first, first, second, second, third]);
  const receipt = { consent: withdrawn.data.consent, consent_version: withdrawn.data.version, items_removed: 2 };
  for (const { url, body, token: bearer } of sent) {
    assert.deepEqual([url, body, bearer], ["/subscriptions/sub_x/receipts", receipt, "Bearer t"]);
  }
  // By itself, as an application has it: what was left is sent at the start.
  await subscriber.take(event(103));
  const again = new Subscriber(store, { acknowledging, counted: false }).on(WITHDRAWN, async () => undefined);
  await new Promise((done) => setTimeout(done, 0));
  await again.stop();
  assert.equal(await again.sendReceipts(), 0);
  await again.take(event(104));
  assert.equal(await again.sendReceipts(), 0, "a handler that says no number gives no receipt");
  assert.equal(service.asked.length, 8);
  service.close();
}

const ENDINGS = ["withdrawn", "narrowed", "suspended", "expired"].map((end) => `no.lagspill.cases.consent.${end}.v1`);

test("there is a receipt of what ends a consent, and of nothing else that names one", async () => {
  const store = new MemoryStore();
  const subscriber = new Subscriber(store, { counted: false });
  const naming = examples.filter(({ data }) => data.consent !== undefined && data.version !== undefined);
  assert.ok(naming.length > ENDINGS.length);
  const receipts = [];
  store.keepReceipt = async (tx, claim) => { receipts.push(claim.type); };
  for (const example of naming) {
    subscriber.on(example.type, async () => 1);
    assert.equal(await subscriber.take(event(1, { ...example, id: JSON.parse(event(1)).id })), "taken");
  }
  assert.deepEqual(receipts.sort(), [...ENDINGS].sort());
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

test("what is not taken is told, with what kind of failure and no word of content", async () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
  const told = [];
  const store = new MemoryStore();
  const subscriber = new Subscriber(store, { log: (message) => told.push(message) }).on(WITHDRAWN, async () => {
    throw Object.assign(new TypeError("Solstråle"), { code: "42P01" });
  });
  const statuses = [];
  const receive = async (body) => {
    const at = new Date();
    const headers = {
      "webhook-id": "1",
      "webhook-timestamp": String(Math.floor(at / 1000)),
      "webhook-signature": new Webhook(secret).sign("1", at, body),
    };
    statuses.push(await subscriber.receive(secret, headers, Buffer.from(body)));
  };
  for (const body of [event(1), event(7), "Solstråle"]) await receive(body);
  statuses.push(await subscriber.receive(secret, {}, Buffer.from("{}")));
  assert.deepEqual(statuses, [500, 409, 400, 401]);
  assert.equal(told.length, 3, "whoever signs nothing fills no log");
  assert.match(told[0], /^not taken: TypeError 42P01$/);
  assert.match(told[1], /^not taken: lost: \/services\/cases /);
  assert.match(told[2], /^not taken: /);
  assert.doesNotMatch(told.join(), /Solstr/);
});

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
  await sendsReceipts(store);
});

test("the inbox in PostgreSQL", { skip: !process.env.DATABASE_URL }, async () => {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  await pool.query("CREATE TABLE effects (consent text)");
  const connect = async (work) => {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release();
    }
  };
  const store = new PostgresStore("test", connect);
  const others = ["second", "third"].map((name) => new PostgresStore(name, connect));
  await Promise.all(others.map((one) => new Subscriber(one).take(event(1)))); // the table is made by whoever comes first
  await pool.query(DDL); // and making it again is nothing
  await keepsTheRules(store, {
    add: (tx, consent) => tx.query("INSERT INTO effects VALUES ($1)", [consent]),
    count: async () => Number((await pool.query("SELECT count(*) FROM effects")).rows[0].count),
  });
  await sendsReceipts(store);
  await pool.end();
});
