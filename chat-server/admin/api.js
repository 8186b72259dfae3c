/** Requests to the operator's listener. The token is kept until the tab is closed. */

const KEY = "operator-token";

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
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw new RequestError(0, "the server does not answer");
  }
  const text = await response.text();
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
export function api(parts, options) {
  return request(`../api/v1/${parts.map(encodeURIComponent).join("/")}${options?.query ? `?${new URLSearchParams(options.query)}` : ""}`, options);
}
