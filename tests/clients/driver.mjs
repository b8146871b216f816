// Score what each line of standard input asks for with the client whose folder is named, and print what became of it.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { ScoringClient, ScoringError } = await import(pathToFileURL(`${process.argv[2]}/scoring-client.mjs`));
const odd = { "NaN!": NaN, "Infinity!": Infinity, "-Infinity!": -Infinity, "BigInt!": 9007199254740993n };
const cell = (value) => (typeof value === "string" && value in odd ? odd[value] : value);
const row = (cells) =>
  Array.isArray(cells) ? cells.map(cell) : Object.fromEntries(Object.entries(cells).map(([k, v]) => [k, cell(v)]));
const exact = (value) => {
  if (typeof value === "bigint") return value.toString();
  if (Object.is(value, -0)) return "-0.0";
  if (Array.isArray(value)) return `[${value.map(exact)}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}:${exact(v)}`)}}`;
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  try {
    const { uri, key, deployment, timeout_ms: timeoutMs, attempts, backoff_ms: backoffMs } = asked;
    const client = new ScoringClient({ uri, key, deployment, timeoutMs, attempts, backoffMs });
    const scores = await client.score(asked.rows.map(row), { inBatches: asked.in_batches });
    console.log(`{"scores":${exact(scores)}}`);
  } catch (error) {
    if (!(error instanceof ScoringError)) throw error;
    const { code, status, modelStatus, row, column, requestId, attempts, detail, message } = error;
    const told = { code, status, model_status: modelStatus, row, column, request_id: requestId, attempts, message: detail };
    console.log(JSON.stringify({ error: told, text: message }));
  }
}
