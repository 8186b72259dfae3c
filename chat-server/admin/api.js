/** Requests to the operator's listener. The token is kept until the tab is closed. */

const KEY = "operator-token";

/** How long to wait for an answer, in milliseconds. */
const PATIENCE = 30_000;

/** The error of a request, with its status, the text of the answer, and the code if the API has refused it. */
export class RequestError extends Error {
  constructor(status, message, code) {
    super(message);
    Object.assign(this, { status, code });
  }
}

export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function keepToken(value) {
  if (value) sessionStorage.setItem(KEY, value.trim());
  else sessionStorage.removeItem(KEY);
}

/** Requests a path below this page's folder, such as `nodes` or `../api/v1/rooms`; returns the JSON, if there is any. */
export async function request(path, { method = "GET", body } = {}) {
  const headers = token() ? { authorization: `Bearer ${token()}` } : {};
  if (body !== undefined) headers["content-type"] = "application/json";
  let response, text;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    text = await response.text();
  } catch {
    throw new RequestError(0, "the server does not answer");
  }
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (!response.ok) throw new RequestError(response.status, json?.message ?? (text.trim() || response.statusText), json?.code);
  return json;
}

/** Requests a path of the API: its parts are percent-encoded. */
export async function api(parts, options) {
  const query = options?.query ? `?${new URLSearchParams(options.query)}` : "";
  return request(`../api/v1/${parts.map(segment).join("/")}${query}`, options);
}

/** A part of a path. Browsers resolve `.` and `..`, however they are encoded. */
export function segment(name) {
  if (name === "." || name === "..") throw new RequestError(400, `This page cannot ask for “${name}”: browsers take that for a folder.`);
  return encodeURIComponent(name);
}
