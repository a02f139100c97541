import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { EventData } from "./events.js";
import { SCHEMAS } from "./schemas.js";

/** A type that this version knows. */
export type EventType = keyof EventData;

/** The attributes of an event (CloudEvents 1.0), without its type and data; those that are not named here are left as they came. */
export interface Envelope {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly subject: string;
  readonly time: string;
  readonly recordedtime: string;
  readonly partitionkey: string;
  /** Counts from 1 without a gap per source and subject; absent on seals and access records. */
  readonly sequence?: string;
  /** Counts from 1 without a gap per source and municipality. */
  readonly sourcesequence: string;
  readonly correlationid: string;
  readonly causationid?: string;
  readonly municipality: string;
  readonly authtype: string;
  readonly authid?: string;
}

/** An event of one of these types. */
export type LagspillEvent<T extends EventType = EventType> = {
  [K in T]: Envelope & { readonly type: K; readonly data: EventData[K] };
}[T];

/** An event of a type that this version does not know: it is counted, and passed by. */
export type UnknownEvent = Envelope & { readonly type: string; readonly data: object };

/** The record is no event of Lagspill, or a damaged one. The message quotes nothing of it. */
export class UnreadableError extends Error {
  override readonly name = "UnreadableError";
}

const MAX_BYTES = 64 * 1024;
const REQUIRED: readonly (readonly [keyof Envelope | "type", RegExp])[] = [
  ["specversion", /^1\.0$/],
  ["id", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i],
  ["source", /^\/services\/[a-z][a-z0-9-]{1,30}$/],
  ["type", /^no\.lagspill(\.[a-z][a-z0-9-]*)+\.v[0-9]+$/],
  ["subject", /^.{1,120}$/],
  ["time", /^\d{4}-\d\d-\d\dT/],
  ["recordedtime", /^\d{4}-\d\d-\d\dT/],
  ["partitionkey", /^.{1,120}$/],
  ["sourcesequence", /^[0-9]{20}$/],
  ["correlationid", /^[0-9a-f-]{36}$/i],
  ["municipality", /^.{1,120}$/],
  ["authtype", /^.+$/],
];
const ACCESS = "no.lagspill.access.recorded.v1";

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);
ajv.addSchema({ $id: "lagspill", $defs: SCHEMAS.$defs });
const validators = new Map<string, ValidateFunction>();

function validator(type: string): ValidateFunction | undefined {
  const body = SCHEMAS.bodies[type];
  if (body === undefined) return undefined;
  let found = validators.get(type);
  if (found === undefined) {
    found = ajv.compile({ $ref: `lagspill#/$defs/${body}` });
    validators.set(type, found);
  }
  return found;
}

/** Whether the event is of this type; then its data is typed. */
export function isType<T extends EventType>(event: UnknownEvent, ...types: T[]): event is LagspillEvent<T> {
  return (types as string[]).includes(event.type);
}

/**
 * The envelope of a record, its data not yet looked at.
 *
 * @throws UnreadableError it is no event, or says it is of a service that does not publish this type
 */
export function readEnvelope(value: string | Uint8Array | null): UnknownEvent {
  if (value === null) throw new UnreadableError("a record without a value");
  if (Buffer.byteLength(value) > MAX_BYTES) throw new UnreadableError("larger than an event may be");
  let event: unknown;
  try {
    event = JSON.parse(typeof value === "string" ? value : new TextDecoder("utf-8", { fatal: true }).decode(value));
  } catch {
    throw new UnreadableError("not JSON");
  }
  if (!isObject(event)) throw new UnreadableError("not an event");
  for (const [name, pattern] of REQUIRED) {
    const attribute = event[name];
    if (typeof attribute !== "string" || !pattern.test(attribute)) throw new UnreadableError(`not an event: ${name}`);
  }
  const { sequence, data, source, type } = event;
  if (sequence !== undefined && !(typeof sequence === "string" && /^[0-9]{20}$/.test(sequence))) {
    throw new UnreadableError("not an event: sequence");
  }
  if (!isObject(data)) throw new UnreadableError("an event without data");
  if (type !== ACCESS && (source as string).split("/")[2] !== (type as string).split(".")[2]) {
    throw new UnreadableError("a type that this source does not publish");
  }
  return event as unknown as UnknownEvent;
}

/**
 * The event that a record is; of a type that this version does not know, as it came.
 *
 * @throws UnreadableError it is no event, or its data does not keep the promise of its type
 */
export function readEvent(value: string | Uint8Array | null): LagspillEvent | UnknownEvent {
  const event = readEnvelope(value);
  checkData(event);
  return event;
}

/** @throws UnreadableError the data does not keep the promise of its type */
export function checkData(event: UnknownEvent): void {
  const validate = validator(event.type);
  if (validate !== undefined && !validate(event.data)) {
    const kinds = new Set((validate.errors ?? []).map((error) => error.keyword));
    throw new UnreadableError(`data that is not of its type: ${[...kinds].sort().join(", ")}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
