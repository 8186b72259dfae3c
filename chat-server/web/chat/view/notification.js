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

/** Shows one, and calls `chosen` when it is clicked. Returns what closes it. */
export function show({ title, body, tag }, chosen) {
  // The sound is the page's own, where one is wanted.
  const options = { body, tag: `${document.baseURI} ${tag}`, icon: ICON, dir: "auto", silent: true };
  try {
    const notification = new Notification(title, options);
    notification.addEventListener("click", () => {
      window.focus();
      notification.close();
      chosen();
    });
    return () => notification.close();
  } catch {
    // On phones, pages have none of their own.
    return () => {};
  }
}
