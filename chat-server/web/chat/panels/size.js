const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** A number of bytes, in the unit that fits. */
export function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const options = { style: "unit", unit: UNITS[step], unitDisplay: "narrow", maximumFractionDigits: step < 2 ? 0 : 1 };
  return new Intl.NumberFormat(document.documentElement.lang, options).format(bytes / 1000 ** step);
}
