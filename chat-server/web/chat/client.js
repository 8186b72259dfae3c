// The client library at the address that it has on every server: a page of your own imports it from here. The build puts
// all of it into one file.

export * from "../client/index.js";
export * from "../client/lib/files.js";
