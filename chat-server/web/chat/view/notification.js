// The browser's notifications. One with the tag of another takes its place.

const ICON = document.querySelector('link[rel="icon"]').href;

/** What the browser says of them: "granted", "denied", or "default" if it has not been asked; "none" has none. */
export function permission() {
  return "Notification" in window ? Notification.permission : "none";
}

/** Asks the reader. */
export async function askForPermission() {
  await Notification.requestPermission();
}

/** Shows one, and calls `chosen` when it is clicked. `hash` is where it leads. Returns what closes it. */
export function show({ title, body, tag, hash }, chosen) {
  // The sound is the page's own, where one is wanted.
  const options = { body, tag: `${document.baseURI} ${tag}`, icon: ICON, dir: "auto", silent: true, data: { hash } };
  try {
    const notification = new Notification(title, options);
    notification.addEventListener("click", () => {
      window.focus();
      notification.close();
      chosen();
    });
    return () => notification.close();
  } catch {
    // On phones, only the service worker has any.
    const shown = showByWorker(title, options);
    return async () => (await shown)();
  }
}

/** Calls `chosen` with the hash of a notification of the service worker's that was clicked. */
export function onChosenElsewhere(chosen) {
  navigator.serviceWorker?.addEventListener("message", ({ data }) => data.chosen && chosen(data.chosen));
}

async function showByWorker(title, options) {
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.showNotification(title, options);
  return async () => {
    const { tag } = options;
    for (const notification of (await registration?.getNotifications({ tag })) ?? []) notification.close();
  };
}
