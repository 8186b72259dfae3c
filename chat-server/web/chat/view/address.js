// What a link to the page asks for, in its hash: "#device=…", "#invite=…" or "#token=…". It is a secret, and goes from the
// address at once.

const ASKED = ["device", "invite", "invitation", "token"];

/** What is asked for, by its name. */
export function takeFromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const found = Object.fromEntries(ASKED.filter((name) => asked.get(name)).map((name) => [name, asked.get(name)]));
  if (Object.keys(found).length > 0) history.replaceState(history.state, "", location.pathname + location.search);
  const { invitation, ...others } = found;
  // As it was called at first.
  return invitation === undefined ? found : { invite: invitation, ...others };
}

/** Calls back with what a link asks for that is opened while the page is. */
export function onAsked(callback) {
  addEventListener("hashchange", () => {
    const asked = takeFromAddress();
    if (Object.keys(asked).length > 0) callback(asked);
  });
}
