import type { EventType } from "./event.js";

/** What was acted on when a consent ended, wholly or in part. */
export interface Receipt {
  readonly consent: string;
  readonly consent_version: number;
  readonly items_removed: number;
}

/** What ends a consent, wholly or in part: of these a receipt is awaited, and of no other event that names a consent. */
export const ENDINGS = [
  "no.lagspill.cases.consent.withdrawn.v1",
  "no.lagspill.cases.consent.narrowed.v1",
  "no.lagspill.cases.consent.suspended.v1",
  "no.lagspill.cases.consent.expired.v1",
] as const satisfies readonly EventType[];

/** Where receipts go: a subscription that acknowledges, and who it belongs to. */
export interface Acknowledging {
  /** Its address: `https://.../subscriptions/sub_...`. */
  readonly subscription: string;
  /** Gives an access token for the subscription's owner. */
  readonly token: () => Promise<string>;
}

/**
 * What LAGSPILL_SUBSCRIPTION, LAGSPILL_TOKEN_URL, LAGSPILL_CLIENT_ID and LAGSPILL_CLIENT_SECRET say; undefined without the first.
 *
 * @throws Error one of the others is missing
 */
export function acknowledgingFromEnvironment(): Acknowledging | undefined {
  const subscription = process.env.LAGSPILL_SUBSCRIPTION;
  if (subscription === undefined || subscription === "") return undefined;
  const [url, client, secret] = ["LAGSPILL_TOKEN_URL", "LAGSPILL_CLIENT_ID", "LAGSPILL_CLIENT_SECRET"].map((name) => {
    const value = process.env[name];
    if (value === undefined) throw new Error(`${name} is not set`);
    return value;
  }) as [string, string, string];
  return { subscription, token: clientCredentials(url, client, secret) };
}

/** Lagspill, or its token issuer, does not answer as it should. What was not taken is sent again. */
export class NotTakenError extends Error {
  override readonly name = "NotTakenError";
}

const SECONDS = 15;
const BEFORE_ITS_END = 30;
/** Refusals that stay: of an event from before the subscription acknowledged, say. */
const SETTLED: readonly unknown[] = ["receipt-not-awaited", "receipt-differs"];

/** A token by client credentials, as every service account gets one; the same until shortly before its end. */
export function clientCredentials(url: string, client: string, secret: string): () => Promise<string> {
  const basic = Buffer.from(`${encodeURIComponent(client)}:${encodeURIComponent(secret)}`).toString("base64");
  let kept = "";
  let until = 0;
  return async () => {
    if (performance.now() >= until) {
      const [status, answer] = await post(url, "grant_type=client_credentials", {
        authorization: `Basic ${basic}`,
        "content-type": "application/x-www-form-urlencoded",
      });
      if (status !== 200 || typeof answer.access_token !== "string") throw new NotTakenError(`no token: ${status}`);
      kept = answer.access_token;
      until = performance.now() + ((Number(answer.expires_in) || 0) - BEFORE_ITS_END) * 1000;
    }
    return kept;
  };
}

/**
 * Tell of one receipt; resolves when it need not be sent again: with why it is of no use, if it is none.
 *
 * @param key what it is recognised by when it is sent again
 * @throws NotTakenError it is to be sent again
 */
export async function sendReceipt(to: Acknowledging, key: string, receipt: Receipt): Promise<string | undefined> {
  const [status, answer] = await post(`${to.subscription}/receipts`, JSON.stringify(receipt), {
    authorization: `Bearer ${await to.token()}`,
    "content-type": "application/json",
    "idempotency-key": key,
  });
  if (status >= 200 && status < 300) return undefined;
  if (SETTLED.includes(answer.code)) return String(answer.code);
  throw new NotTakenError(`not taken: ${status} ${typeof answer.code === "string" ? answer.code : ""}`.trimEnd());
}

async function post(url: string, body: string, headers: Record<string, string>): Promise<[number, Record<string, unknown>]> {
  let response: Response;
  try {
    // No redirect: a token is for whom it was meant.
    response = await fetch(url, { method: "POST", body, headers, redirect: "manual", signal: AbortSignal.timeout(SECONDS * 1000) });
  } catch {
    throw new NotTakenError("nobody answers");
  }
  const answer: unknown = await response.json().catch(() => undefined);
  return [response.status, typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : {}];
}
