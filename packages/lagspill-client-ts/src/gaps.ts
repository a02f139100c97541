import type { Envelope } from "./event.js";

/** Events that were published and have not come: `first` to `last` of a subject, or of a municipality. */
export interface Loss {
  readonly source: string;
  readonly about: string;
  readonly first: bigint;
  readonly last: bigint;
}

/** What is missing between the last `sequence` of the event's subject and the event; null when nothing is. */
export function foundLoss(event: Envelope, last: bigint): Loss | null {
  if (event.sequence === undefined) return null;
  const count = BigInt(event.sequence);
  if (count <= last + 1n) return null;
  return { source: event.source, about: event.subject, first: last + 1n, last: count - 1n };
}

/**
 * The numbers (`sourcesequence`) that have come, per source and municipality. For who reads all that a service publishes: its own
 * topic and the access topic. They come in no order, so a hole is a loss only when it has not closed after half a minute.
 */
export class Numbers {
  readonly #logs = new Map<string, { source: string; municipality: string; runs: [bigint, bigint][] }>();

  /** Take note of an event; any number of times, in any order. */
  add(event: Envelope): void {
    const name = `${event.source} ${event.municipality}`;
    let log = this.#logs.get(name);
    if (log === undefined) {
      log = { source: event.source, municipality: event.municipality, runs: [[0n, 0n]] };
      this.#logs.set(name, log);
    }
    const number = BigInt(event.sourcesequence);
    const { runs } = log;
    let at = runs.length;
    while (at > 0 && runs[at - 1]![0] > number) at -= 1;
    const before = runs[at - 1]!;
    const after = runs[at];
    if (number <= before[1]) return;
    const joinsBefore = number === before[1] + 1n;
    const joinsAfter = after !== undefined && number + 1n === after[0];
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      runs.splice(at, 1);
    } else if (joinsBefore) before[1] = number;
    else if (joinsAfter) after[0] = number;
    else runs.splice(at, 0, [number, number]);
  }

  /** The numbers below the highest that have not come. */
  holes(): Loss[] {
    return [...this.#logs.values()].flatMap(({ source, municipality, runs }) =>
      runs.slice(1).map((run, index) => ({
        source,
        about: municipality,
        first: runs[index]![1] + 1n,
        last: run[0] - 1n,
      })),
    );
  }
}
