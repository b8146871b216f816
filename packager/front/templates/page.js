"use strict";
// All that comes from the model or the server is set as text; nothing here makes HTML of it.
const facts = JSON.parse(document.getElementById("facts").textContent);
const at = (id) => document.getElementById(id);
const MOST_ROWS = 200, MOST_FIELDS = 300, MOST_LISTED = 1000;
const body = at("body"), cells = at("cells");
let fields = [];

function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

function counted(count, one) { return `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`; }

function introduce() {
  document.title = `${facts.name} ${facts.version}`;
  at("name").textContent = facts.name;
  at("version").textContent = facts.version;
  const labels = facts.classes ? `, ${counted(facts.classes.length, "label")}` : "";
  at("about").textContent =
    `${facts.task}${labels}, ${counted(facts.columns.length, "column")}; at most ${counted(facts.maxBatch, "row")} a request`;
  facts.columns.slice(0, MOST_LISTED).forEach((column, index) => {
    const row = make("tr");
    const name = make("th", column.name);
    name.scope = "row";
    row.append(make("td", index, "number"), name, make("td", column.type), make("td", column.takes, "takes"),
      make("td", column.missing ? "null" : "no"));
    at("columns").append(row);
  });
  if (facts.columns.length > MOST_LISTED) {
    at("more").hidden = false;
    at("more").textContent = `and ${counted(facts.columns.length - MOST_LISTED, "column")} more`;
  }
}

// The form: one field a column. What it shows is one row; what is sent from it is one row.
function field(column, index) {
  const label = make("label");
  const name = make("span", column.name);
  name.title = column.name;
  const input = column.choices ? chooser(column) : make("input");
  if (input.tagName === "INPUT") {
    input.type = "text";
    input.placeholder = column.missing ? "missing" : "";
    if (column.type === "number") input.inputMode = "decimal";
  }
  input.dataset.column = index;
  label.append(name, input);
  return { label, input };
}

function chooser(column) {
  const select = make("select");
  if (column.missing) select.append(option("missing", "null"));
  column.choices.forEach((value) => select.append(option(String(value), JSON.stringify(value))));
  return select;
}

function option(text, value) {
  const made = make("option", text);
  made.value = value;
  return made;
}

function show(row) {
  facts.columns.forEach((column, index) => {
    if (!fields[index]) return;
    const input = fields[index].input, value = row[index];
    if (input.tagName === "SELECT") {
      const wanted = JSON.stringify(value === undefined ? null : value);
      input.value = wanted;
      if (input.selectedIndex < 0) { // a value that is not among the known ones is shown as it is
        input.append(option(String(value), wanted));
        input.value = wanted;
      }
    } else {
      input.value = value === null || value === undefined ? "" : String(value);
    }
  });
}

// A number is sent as it is written. What is no number is sent as text, so that the server says what is wrong with it.
function cell(column, input) {
  if (input.tagName === "SELECT") return input.value || "null";
  const text = input.value.trim();
  if (column.type === "text") return input.value === "" && column.missing ? "null" : JSON.stringify(input.value);
  if (text === "" && column.missing) return "null";
  if (column.truth && (text === "true" || text === "false")) return text;
  return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? text : JSON.stringify(text);
}

function formBody() {
  const row = facts.columns.map((column, index) => cell(column, fields[index].input));
  return `{${JSON.stringify(facts.key)}: [[${row.join(", ")}]]}`;
}

// The sample, one row a line.
function pretty(request) {
  const [[key, rows]] = Object.entries(request);
  const lines = rows.map((row) => `  [${row.map((value) => JSON.stringify(value)).join(", ")}]`);
  return `{${JSON.stringify(key)}: [\n${lines.join(",\n")}\n]}`;
}

// Where the cell lies in the JSON text: [start, end], or null. Walks values without building them.
function place(text, row, column) {
  let position = 0;
  const space = () => { while (/\s/.test(text[position] || "")) position++; };
  const string = () => {
    const start = position++;
    while (position < text.length && text[position] !== '"') position += text[position] === "\\" ? 2 : 1;
    position++;
    return text.slice(start, position);
  };
  const value = (visit) => {
    space();
    const open = text[position];
    if (open === "{" || open === "[") {
      const close = open === "{" ? "}" : "]";
      position++;
      for (let index = 0; ; index++) {
        space();
        if (position >= text.length || text[position] === close) { position++; return; }
        let name = index;
        if (open === "{") { name = JSON.parse(string()); space(); position++; space(); }
        const start = position;
        value(visit && visit(name));
        if (visit && visit(name, [start, position])) return;
        space();
        if (text[position] === ",") position++;
      }
    } else if (open === '"') string();
    else while (position < text.length && !/[\s,\]}]/.test(text[position])) position++;
  };
  let found = null;
  const inRow = (name, span) => {
    if (span && (name === column || name === facts.columns.findIndex((one) => one.name === column))) found = span;
    return null;
  };
  const inRows = (name, span) => {
    if (span && name === row && !found) found = span;
    return name === row ? inRow : null;
  };
  const inTable = (name) => (name === "data" ? inRows : null);
  const isTable = /^\s*\{\s*"[^"]*"\s*:\s*\{/.test(text);
  try { value(() => (isTable ? inTable : inRows)); } catch { return null; }
  return found;
}

function unmark() {
  at("failure").hidden = true;
  document.querySelectorAll("[aria-invalid]").forEach((element) => element.removeAttribute("aria-invalid"));
  document.querySelectorAll("tr.bad").forEach((element) => element.classList.remove("bad"));
}

function mark(error, byForm, text) {
  const index = facts.columns.findIndex((column) => column.name === error.column);
  const listed = at("columns").children[index];
  if (listed) listed.classList.add("bad");
  if (byForm && fields[index]) {
    fields[index].input.setAttribute("aria-invalid", "true");
    fields[index].input.focus();
  } else if (!byForm) {
    body.setAttribute("aria-invalid", "true");
    const found = error.row === undefined ? null : place(text, error.row, error.column);
    if (found) {
      body.focus();
      body.setSelectionRange(found[0], found[1]);
      body.scrollTop = (text.slice(0, found[0]).split("\n").length - 3) * 20;
    }
  }
}

function fail(error, byForm, text) {
  const where = [];
  if (error.row !== undefined) where.push(`row ${error.row}`);
  if (error.column !== undefined) where.push(`column ${error.column}`);
  const told = error.expected === undefined ? error.message : `expected ${error.expected}, found ${error.found}`;
  const box = at("failure");
  box.replaceChildren(make("strong", where.join(", ") || (error.code || "failed").replaceAll("_", " ")), make("p", told));
  box.hidden = false;
  mark(error, byForm, text);
}

function flat(value) { return value === null ? "null" : typeof value === "object" ? JSON.stringify(value) : String(value); }

// One line a row: the prediction, and a share for each label.
function tell(answer) {
  const { prediction, probability } = answer;
  const several = facts.predictions > 1, lists = several ? prediction : [prediction];
  const count = lists[0].length, classes = facts.probabilities === 1 && facts.classes ? facts.classes : [];
  const table = make("table"), head = make("tr"), rows = make("tbody");
  head.append(make("th", "Row", "number"), ...lists.map((_, index) => make("th", several ? `Output ${index}` : "Prediction")),
    ...classes.map((label) => make("th", String(label))));
  for (let row = 0; row < Math.min(count, MOST_ROWS); row++) {
    const line = make("tr");
    line.append(make("td", row, "number"));
    lists.forEach((list) => line.append(make("td", flat(list[row]), "first")));
    classes.forEach((_, index) => {
      const share = probability[row][index], shown = make("td", typeof share === "number" ? share.toPrecision(4) : flat(share), "share");
      const stripe = make("i");
      stripe.style.width = `${Math.max(0, Math.min(1, share)) * 90}%`;
      shown.title = flat(share);
      shown.append(stripe);
      line.append(shown);
    });
    rows.append(line);
  }
  const top = make("thead");
  top.append(head);
  table.append(top, rows);
  at("answer").replaceChildren(table);
  if (count > MOST_ROWS) at("answer").append(make("p", `and ${counted(count - MOST_ROWS, "row")} more`, "quiet"));
}

async function send() {
  const byForm = !cells.hidden;
  const text = byForm ? formBody() : body.value;
  unmark();
  at("send").disabled = true;
  at("status").textContent = "asking …";
  const begun = performance.now();
  try {
    const reply = await fetch("/score", { method: "POST", headers: { "Content-Type": "application/json" }, body: text });
    const came = await reply.text(), took = performance.now() - begun;
    const inside = reply.headers.get("x-ms-run-fn-exec-ms"), form = reply.headers.get("x-model-form");
    at("status").textContent = `${reply.status} in ${took.toFixed(1)} ms${inside ? `, ${Number(inside).toFixed(2)} ms in the script` : ""}${form ? `, by ${form}` : ""}`;
    at("raw").hidden = false;
    at("text").textContent = came.length > 1e6 ? came.slice(0, 1e6) + " …" : came;
    at("answer").replaceChildren();
    const answer = JSON.parse(came);
    if (reply.ok) tell(answer);
    else fail(answer.error || { message: answer.message || `status ${reply.status}` }, byForm, text);
  } catch (failure) {
    at("status").textContent = "";
    at("answer").replaceChildren();
    fail({ code: "no answer", message: failure instanceof SyntaxError ? "The answer is not JSON." : "The server can't be reached; is it still running?" }, byForm, text);
  } finally {
    at("send").disabled = false;
    document.body.dataset.asked = String(Number(document.body.dataset.asked || 0) + 1);
  }
}

function firstRow(text) {
  try {
    const request = JSON.parse(text), rows = Object.values(request)[0];
    const table = rows && rows.data, row = Array.isArray(rows) ? rows[0] : table && table[0];
    if (Array.isArray(row) && table && rows.columns) return facts.columns.map((column) => row[rows.columns.indexOf(column.name)]);
    if (Array.isArray(row)) return row;
    if (row && typeof row === "object") return facts.columns.map((column) => row[column.name]);
  } catch { /* not JSON: the form keeps what it shows */ }
  return null;
}

function turn(mode) {
  if (mode === "json" && body.dataset.touched !== "yes" && dirty) body.value = formBody();
  if (mode === "form" && body.dataset.touched === "yes") { const row = firstRow(body.value); if (row) show(row); }
  body.dataset.touched = "no";
  dirty = false;
  cells.hidden = mode !== "form";
  at("editor").hidden = mode !== "json";
  unmark();
}

let dirty = false;

function reset() {
  body.value = pretty(facts.sample);
  body.dataset.touched = "no";
  dirty = false;
  show(firstRow(body.value));
  unmark();
}

introduce();
const fits = facts.columns.length <= MOST_FIELDS;
if (fits) {
  fields = facts.columns.map(field);
  cells.append(...fields.map(({ label }) => label));
} else {
  document.querySelector(".switch").hidden = true;
  document.querySelector("[value=json]").checked = true;
  cells.hidden = true;
  at("editor").hidden = false;
}
reset();
at("request").addEventListener("submit", (event) => { event.preventDefault(); send(); });
at("again").addEventListener("click", reset);
cells.addEventListener("input", () => { dirty = true; });
body.addEventListener("input", () => { body.dataset.touched = "yes"; });
document.querySelectorAll("[name=mode]").forEach((radio) => radio.addEventListener("change", () => turn(radio.value)));
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !at("send").disabled) { event.preventDefault(); send(); }
});
