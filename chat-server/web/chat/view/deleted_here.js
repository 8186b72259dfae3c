// The names of rooms that this page has asked to be deleted: it need not be told.

export const deletedHere = new Set();
