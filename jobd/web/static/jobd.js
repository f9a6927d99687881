// Keeps a page up to date: asks for its own address again every few seconds and takes over
// what has changed in the regions marked data-live. Focus, scrolling, selection and what somebody
// is typing stay where they are. Without this script a page is as true, but still; so is one that
// tells of an error.
"use strict";

const EVERY_MS = Number(document.body.dataset.refreshS) * 1000;
const PATIENCE_MS = 10000;
// An answer that takes longer is asked for less often in proportion: with five seconds between
// two, a page never takes more than a twentieth of the daemon's time.
const USUAL_MS = 250;

const live = {
  words: document.createElement("span"),
  button: document.createElement("button"),
  isPaused: false,
  isAsking: false,
  timer: 0,
};

function start() {
  live.words.setAttribute("role", "status");
  live.button.type = "button";
  live.button.addEventListener("click", toggle);
  document.addEventListener("visibilitychange", () => plan(0));
  document.getElementById("live").append(live.words, live.button);
  show("");
  plan(EVERY_MS);
}

function toggle() {
  live.isPaused = !live.isPaused;
  show("");
  plan(0);
}

// Asks after a while, unless nobody looks.
function plan(afterMs) {
  clearTimeout(live.timer);
  if (!document.hidden && !live.isPaused) live.timer = setTimeout(refresh, afterMs);
}

async function refresh() {
  if (live.isAsking) return;
  live.isAsking = true;
  const began = performance.now();
  try {
    const answer = await fetch(location.href, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.text();
    if (!live.isPaused) take(answer, text);
  } catch {
    show("no answer");
  } finally {
    live.isAsking = false;
    plan(EVERY_MS * Math.max(1, (performance.now() - began) / USUAL_MS));
  }
}

function take(answer, text) {
  if (!answer.ok) return show(`answered ${answer.status}`);
  const fresh = new DOMParser().parseFromString(text, "text/html");
  if (assets(fresh) !== assets(document)) return location.reload(); // another version of jobd
  const focused = document.activeElement;
  for (const region of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(region.id);
    if (other) become(region, other);
  }
  document.title = fresh.title;
  // An element that was moved has lost the focus on the way.
  if (focused !== document.activeElement && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
  show("");
}

function assets(page) {
  return [...page.querySelectorAll("head [href], head [src]")]
    .map((each) => each.getAttribute("href") || each.getAttribute("src"))
    .join(" ");
}

// What stands in front of the button. The same words are not set again: a screen reader would
// read them out with every update.
function show(trouble) {
  const asOf = document.getElementById("as-of").textContent.trim();
  const words = trouble ? `${trouble}: this is as of ${asOf}` : live.isPaused ? "paused" : "live";
  if (live.words.textContent !== words) live.words.textContent = words;
  live.words.className = trouble ? "no-answer" : "";
  live.button.textContent = live.isPaused ? "Resume" : "Pause";
  live.button.setAttribute("aria-label", `${live.button.textContent} updates of this page`);
}

// Makes one tree like another and leaves alone what is the same already, and what another
// script keeps up to date (data-own).
function become(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
  } else if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
  } else if (!("own" in old.dataset)) {
    becomeAttributes(old, fresh);
    becomeChildren(old, [...fresh.childNodes]);
  }
}

function becomeAttributes(old, fresh) {
  const isKept = (name) => name === "open"; // of a <details>: the reader's own
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isKept(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !isKept(name)) old.setAttribute(name, value);
  }
}

function becomeChildren(old, fresh) {
  const known = new Map([...old.children].filter((each) => each.id).map((each) => [each.id, each]));
  const wanted = new Set(fresh.map((each) => each.id).filter(Boolean));
  for (const [id, each] of known) if (!wanted.has(id)) each.remove();
  let place = old.firstChild;
  for (const child of fresh) {
    const own = child.id ? known.get(child.id) : null;
    // What has no name and stands before it goes: an element that is moved is scrolled back.
    while (own && place && place !== own && !place.id) place = without(place);
    if (own && own !== place) old.insertBefore(own, place);
    if (own) place = own;
    if (place && (own || !place.id)) {
      const next = place.nextSibling;
      become(place, child);
      place = next;
    } else {
      old.insertBefore(child, place);
    }
  }
  while (place) place = without(place);
}

// Removes a node; returns the one after it.
function without(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

if (EVERY_MS) start();
