// Validates the AsyncAPI document with the AsyncAPI project's own parser: npm ci && node validate.mjs [file]
// The parser checks the document against the AsyncAPI 3.0 specification and resolves it; it has no rule for version 3 that
// compares a message's examples with its payload, so that is done here, on what it resolved.
// Exit status: 0 valid, 1 not valid (each finding on a line), 2 the file cannot be read.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { Parser } from "@asyncapi/parser";
import Ajv from "ajv";

const file = process.argv[2] ?? fileURLToPath(new URL("../../../shared/contracts/asyncapi.json", import.meta.url));
let text;
try {
  text = await readFile(file, "utf8");
} catch (error) {
  console.error(`${file}: ${error.code ?? error.message}`);
  process.exit(2);
}

const { document, diagnostics } = await new Parser().parse(text, { source: file });
// Severities are Spectral's: 0 error, 1 warning, 2 information, 3 hint. Only advice below a warning is let pass.
const findings = diagnostics.filter(({ severity }) => severity <= 1);
for (const { severity, code, message, path } of findings) {
  console.error(`${severity === 0 ? "error" : "warning"} ${code} at ${path.join(".")}: ${message}`);
}
if (document === undefined) {
  process.exit(1);
}
const ajv = new Ajv({ strict: false, validateFormats: false });
const messages = document.components().messages().all();
let valid = findings.length === 0;
let examples = 0;
for (const message of messages) {
  const parts = { payload: ajv.compile(message.payload().json()), headers: ajv.compile(message.headers().json()) };
  for (const example of message.examples().all()) {
    examples += 1;
    for (const [part, check] of Object.entries(parts)) {
      if (!check(example[part]())) {
        valid = false;
        console.error(`error example of ${message.id()}: ${ajv.errorsText(check.errors, { dataVar: part })}`);
      }
    }
  }
}
if (!valid) {
  process.exit(1);
}
console.log(
  `AsyncAPI ${document.version()}: ${document.channels().all().length} channels, ${document.operations().all().length} ` +
    `operations, ${messages.length} messages, ${examples} examples, all valid`,
);
