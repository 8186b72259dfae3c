/** The operator's page: what all nodes do, and what can be done about it. */

import { RequestError, keepToken, request, token } from "./api.js";
import { connections } from "./connections.js";
import { h, tell } from "./dom.js";
import { History } from "./metrics.js";
import { nameOf } from "./names.js";
import { SERIES, overview } from "./overview.js";
import { people } from "./people.js";
import { rooms } from "./rooms.js";

/** The time between two looks at the nodes, in milliseconds. */
const PAUSE = 2000;

/** Maximum number of things that do not work that are named. */
const SHOWN_IMPAIRED = 10;

const VIEWS = { overview, connections, rooms, people };

const view = document.getElementById("view");
const picker = document.getElementById("node");
const leave = document.getElementById("leave");

/** What the views share. */
const context = {
  history: new History(SERIES),
  /** What `GET nodes` has said last. */
  nodes: [],
  obeyed: false,
  /** The chosen node; empty for all. */
  get node() {
    return picker.value;
  },
  /** Does something, and tells what has become of it; returns whether it was done. */
  async attempt(what, done) {
    try {
      const answer = await what();
      tell(typeof done === "function" ? done(answer) : done);
      return true;
    } catch (error) {
      failed(error);
      return false;
    }
  },
};

let shown;
let timer;
let isLooking = false;

async function look() {
  if (isLooking) return;
  isLooking = true;
  clearTimeout(timer);
  try {
    const { nodes: all, silent, obeyed } = await request("nodes");
    const nodes = all.filter(isSound);
    Object.assign(context, { nodes, obeyed });
    context.history.add(Date.now(), nodes);
    leave.hidden = !token();
    showState(silent + all.length - nodes.length);
    choose(nodes);
    if (!shown) await show();
    else await shown.refresh();
  } catch (error) {
    failed(error);
    // The signs of before say nothing of now.
    if (!signIn.isOpen) state(error.status === 0 ? "no answer" : `does not work: ${String(error.message).slice(0, 100)}`, "bad");
  } finally {
    isLooking = false;
    if (!signIn.isOpen) timer = setTimeout(look, document.hidden ? PAUSE * 5 : PAUSE);
  }
}

/** Whether an answer is of a node: another version, or somebody in the broker, may say anything. */
function isSound(node) {
  return ["node", "version", "metrics"].every((name) => typeof node?.[name] === "string");
}

function failed(error) {
  if (error instanceof RequestError && error.status === 401 && !document.querySelector("dialog")) return signIn();
  if (!(error instanceof RequestError)) console.error(error);
  if (error.status === 0) state("no answer", "bad");
  tell(error.message, true);
}

function showState(silent) {
  const impaired = new Set();
  let isDraining = false;
  for (const node of context.nodes) {
    const values = context.history.latest(node.node);
    for (const [line, value] of values) {
      const what = /^chat_impaired\{what="([a-z_]{1,40})"\}$/.exec(line)?.[1];
      if (what && value) impaired.add(what.replaceAll("_", " "));
    }
    isDraining ||= values.get("chat_draining") === 1;
  }
  if (impaired.size > 0) state(`does not work: ${[...impaired].slice(0, SHOWN_IMPAIRED).join(", ")}`, "bad");
  else if (silent > 0) state(`${silent} of ${context.nodes.length + silent} nodes are silent`, "wait");
  else if (isDraining) state("draining", "wait");
  else state("everything works", "good");
}

function state(text, kind) {
  const pill = document.getElementById("state");
  if (pill.textContent !== text) pill.textContent = text;
  pill.className = `pill ${kind}`;
}

function choose(nodes) {
  const options = [["", `all ${nodes.length}`], ...nodes.map((node) => [node.node, nameOf(node)])];
  const now = options.map(String).join("\n");
  if (picker.dataset.options === now) return;
  const { value } = picker;
  picker.dataset.options = now;
  picker.replaceChildren(...options.map(([id, text]) => h("option", { value: id }, text)));
  picker.value = nodes.some((node) => node.node === value) ? value : "";
}

function show() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const create = Object.hasOwn(VIEWS, name) ? VIEWS[name] : overview;
  for (const link of document.querySelectorAll("#tabs a")) {
    const isIt = VIEWS[link.hash.slice(1)] === create;
    if (isIt) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  shown = create(context, rest.map(decoded));
  view.replaceChildren(shown.element);
  return refreshed();
}

/** Refreshes what is shown, between two looks. */
async function refreshed() {
  try {
    await shown?.refresh();
  } catch (error) {
    failed(error);
  }
}

/** Decodes a part of a link; one that somebody has written may be no encoding. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function signIn() {
  if (signIn.isOpen) return;
  signIn.isOpen = true;
  shown = undefined;
  const input = h("input", { type: "password", name: "token", autocomplete: "current-password", required: true });
  const form = h(
    "form",
    {
      class: "sign-in",
      onsubmit(event) {
        event.preventDefault();
        keepToken(input.value);
        signIn.isOpen = false;
        look();
      },
    },
    h("h2", {}, "Sign in"),
    h("p", {}, "The token is the content of the file that the server was started with: --admin-token-file."),
    token() && h("p", { class: "bad" }, "The server does not know this token."),
    h("label", {}, "Token", input),
    h("button", { class: "strong" }, "Sign in"),
  );
  keepToken("");
  state("signed out", "wait");
  view.replaceChildren(form);
  input.focus();
}

leave.addEventListener("click", () => {
  keepToken("");
  location.reload();
});
addEventListener("hashchange", () => shown && (show(), view.focus()));
picker.addEventListener("change", refreshed);
document.addEventListener("visibilitychange", () => !document.hidden && !signIn.isOpen && look());
look();
