// Follows what a run writes: asks for what comes after the bytes that are shown, waits while there
// is nothing, and stops when the attempt is over. What a terminal would obey is taken out, as
// pages/console.py does it for what was there before.
"use strict";

const WAIT_S = 20;
const RETRY_MS = 3000;
const MOST_SHOWN = 400000; // characters; older ones go
const ESCAPES = /(?:\x1b\[|\x9b)[0-?]*[ -\/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -\/]*[0-~]?/g;
const DIRECTIONS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\x80-\x9f]/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f]/g;

function clean(line) {
  const text = line.replace(ESCAPES, "").replace(DIRECTIONS, "\ufffd");
  const states = text.split("\r").filter(Boolean);
  const last = states.length ? states[states.length - 1] : "";
  return last.replace(CONTROLS, (c) => (c === "\x7f" ? "\u2421" : String.fromCharCode(0x2400 + c.charCodeAt(0))));
}

async function follow(box) {
  const tail = box.querySelector("pre.tail");
  const open = document.createElement("span"); // the line that has not come to its end
  tail.append(open);
  const decoder = new TextDecoder();
  const shown = { tail, open, line: "" };
  let offset = Number(box.dataset.next);
  while (box.isConnected) {
    try {
      const answer = await fetch(`${box.dataset.url}&offset=${offset}&follow=${WAIT_S}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const text = decoder.decode(await answer.arrayBuffer(), { stream: true });
      const skipped = Number(answer.headers.get("X-Jobd-Skipped-Bytes"));
      if (skipped) add(box, shown, `\n[${skipped} bytes were not kept]\n`);
      if (text) add(box, shown, text);
      offset = Number(answer.headers.get("X-Jobd-Next-Offset"));
      if (answer.headers.get("X-Jobd-Complete") === "true") return;
    } catch {
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}

function add(box, shown, text) {
  box.querySelector("p.quiet")?.remove(); // that there is nothing yet
  const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 30;
  const lines = (shown.line + text).split("\n");
  shown.line = lines.pop();
  if (lines.length) shown.open.before(lines.map(clean).join("\n") + "\n");
  shown.open.textContent = clean(shown.line);
  shown.line = shown.line.slice(-MOST_SHOWN);
  while (shown.tail.textContent.length > MOST_SHOWN && shown.tail.firstChild !== shown.open) {
    shown.tail.firstChild.remove();
  }
  if (isAtEnd) box.scrollTop = box.scrollHeight;
}

// Begins at the end, where an error stands. An attempt that begins while somebody looks has a box
// of its own; one that ends keeps its box, and with it the reader's place.
const seen = new WeakSet();
function look() {
  const box = document.querySelector(".output");
  if (!box || seen.has(box)) return;
  seen.add(box);
  box.scrollTop = box.scrollHeight;
  if ("own" in box.dataset) follow(box);
}
look();
new MutationObserver(look).observe(document.getElementById("main"), { childList: true, subtree: true });
