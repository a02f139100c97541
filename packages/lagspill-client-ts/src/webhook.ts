import { Webhook, WebhookVerificationError } from "standardwebhooks";

/** Nobody who knows the secret has signed this, just now. Answer 401. */
export class SignatureRefusedError extends Error {
  override readonly name = "SignatureRefusedError";
}

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Returns when one of the signatures was made with one of the secrets, within five minutes, over exactly this body.
 *
 * @param secrets what the subscription was answered with (`whsec_...`); several while one is being changed
 * @param headers the request's
 * @param body the bytes as they came, before anything has parsed them
 * @throws SignatureRefusedError no such signature
 */
export function verifyWebhook(secrets: string | readonly string[], headers: Headers, body: Buffer): void {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string") given[name] = value;
  }
  for (const secret of typeof secrets === "string" ? [secrets] : secrets) {
    const webhook = new Webhook(secret);
    try {
      webhook.verify(body, given, { jsonParse: false });
      return;
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
    }
  }
  throw new SignatureRefusedError("not signed by who knows the secret, just now");
}
