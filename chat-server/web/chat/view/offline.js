// Has the browser keep the page, so that it opens without a connection.

/** When there is nothing else to do. Browsers keep pages from https and localhost only. */
export function keepPage() {
  if (!("serviceWorker" in navigator)) return;
  const keep = async () => {
    try {
      await navigator.serviceWorker.register(worker());
      const { active } = await navigator.serviceWorker.ready;
      active.postMessage(performance.getEntriesByType("resource").map(({ name }) => name));
    } catch {
      // As a browser does that keeps nothing: the page works, online.
    }
  };
  if (document.readyState === "complete") keep();
  else addEventListener("load", keep, { once: true });
}

// The policy of the page takes scripts from one place only, and this is the only one.
function worker() {
  const address = "./service_worker.js";
  if (!window.trustedTypes) return address;
  return trustedTypes.createPolicy("worker", { createScriptURL: () => address }).createScriptURL("");
}
