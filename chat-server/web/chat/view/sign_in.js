// Where signed tokens say who one is, and there is none that counts: a page that says so, in place of the chat.

import { panel } from "./panels.js";

const REASONS = { invalid_token: "invalid", expired_token: "expired" };

export class SignIn {
  #view = null;

  async draw({ connection: { state, problem }, me }) {
    const reason = state === "refused" ? REASONS[problem.code] : undefined;
    // With a name of its own it is taken away first.
    const isNeeded = reason !== undefined && (me.name === null || reason === "expired");
    if (!isNeeded && this.#view === null) return;
    this.#view ??= await panel(() => import("../panels/sign_in.js"));
    this.#view?.showSignIn(isNeeded ? reason : null);
  }
}
