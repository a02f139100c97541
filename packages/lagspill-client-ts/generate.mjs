// The types of every event, and the schemas that they are checked against, from the committed JSON Schemas.
//
//   node generate.mjs            writes src/events.ts and src/schemas.ts
//   node generate.mjs --check    writes nothing, and fails when they are out of date

import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { compile } from "json-schema-to-typescript";

const schemas = new URL("../../shared/contracts/schemas/", import.meta.url);
const banner = "// Generated from the JSON Schemas by `npm run generate`; do not edit.\n";

const published = readdirSync(schemas)
  .filter((name) => name.endsWith(".json"))
  .sort()
  .map((name) => [name.slice(0, -".json".length), JSON.parse(readFileSync(new URL(name, schemas), "utf8"))]);

const bodyOf = (schema) => schema.properties.data.$ref.split("/").at(-1);
const counts = new Map();
for (const [, schema] of published) counts.set(bodyOf(schema), (counts.get(bodyOf(schema)) ?? 0) + 1);

const definitions = {};
const bodies = {};
for (const [type, schema] of published) {
  const body = bodyOf(schema);
  const service = type.split(".")[2];
  // Four services seal, two record receipts: each says so under its own name.
  const name = counts.get(body) > 1 ? service[0].toUpperCase() + service.slice(1) + body : body;
  bodies[type] = name;
  for (const [other, definition] of Object.entries(schema.$defs)) {
    const key = other === body ? name : other;
    const found = { ...definition, title: key };
    if (definitions[key] && JSON.stringify(definitions[key]) !== JSON.stringify(found)) {
      throw new Error(`${key} is defined in two ways`);
    }
    definitions[key] = found;
  }
}

const whole = {
  title: "EventData",
  description: "The data of each event, by its type.",
  type: "object",
  properties: Object.fromEntries(published.map(([type]) => [type, { $ref: `#/$defs/${bodies[type]}` }])),
  required: published.map(([type]) => type),
  $defs: definitions,
};

const types = await compile(structuredClone(whole), "EventData", {
  additionalProperties: false,
  ignoreMinAndMaxItems: true,
  bannerComment: banner,
  format: true,
});
const lines = (entries) => entries.map(([key, value]) => `    ${JSON.stringify(key)}: ${JSON.stringify(value)},`).join("\n");
const text = `{
  $defs: {
${lines(Object.entries(definitions))}
  },
  bodies: {
${lines(Object.entries(bodies))}
  },
}`;
const written = {
  "src/events.ts": types,
  "src/schemas.ts": `${banner}
export interface Schemas {
  readonly $defs: Readonly<Record<string, object>>;
  readonly bodies: Readonly<Record<string, string>>;
}

export const SCHEMAS: Schemas = ${text};
`,
};

let stale = false;
for (const [name, wanted] of Object.entries(written)) {
  const file = new URL(name, import.meta.url);
  if (!process.argv.includes("--check")) {
    writeFileSync(file, wanted);
  } else if (!existsSync(file) || readFileSync(file, "utf8") !== wanted) {
    console.error(`${name} is out of date (run: npm run generate)`);
    stale = true;
  }
}
if (stale) process.exit(1);
console.log(`${published.length} event types: ${process.argv.includes("--check") ? "up to date" : "written"}`);
