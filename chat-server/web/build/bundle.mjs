// Makes of the page what browsers load fast: few files, small, and with names that change with their content, so that
// they are never asked for again. build.rs runs this; it says on stdout what is served where, a file a line:
// path, content type, whether it ever changes, and the file.
//
// node bundle.mjs WEB NODE_MODULES OUT

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, extname, join, resolve } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "application/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

const [web, nodeModules, out] = process.argv.slice(2).map((path) => resolve(path));
const { buildSync, transformSync } = createRequire(join(nodeModules, "package.json"))("esbuild");
const read = (...path) => readFileSync(join(...path), "utf8");

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const COMMON = { bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8", legalComments: "inline", write: false };

const emoji = await emojiNames();
const icon = asset("icon", ".svg", read(web, "favicon.svg"));
const assets = [...scripts(), styles(), check(), icon];
const html = page(assets);
serve("/", "index.html", html);
for (const { path, file, text } of assets) serve(path, file, text, "immutable");
serve("/favicon.svg", "favicon.svg", read(web, "favicon.svg"));
serve("/manifest.webmanifest", "manifest.webmanifest", named(read(web, "manifest.webmanifest")));
serve("/service_worker.js", "service_worker.js", worker());
serve("/chat/client.js", "client.js", library());

/** A line an emoji, for chat/view/emoji_names.js. */
async function emojiNames() {
  const { gemoji } = await import(join(nodeModules, "gemoji/index.js"));
  const lines = gemoji.map(({ emoji, names, tags }) => [emoji, names.join(" "), tags.join(" ")].join("\t"));
  const file = join(out, "emoji-names.js");
  const notice = "/*! The names of gemoji (npm), Titus Wormer, MIT license */\n";
  writeFileSync(file, `${notice}export default ${JSON.stringify(lines.join("\n"))};`);
  return file;
}

/** For chat/panels/qr.js. */
function qrEncoder() {
  const file = join(out, "qr-encoder.js");
  const notice = "/*! uqr (npm), Anthony Fu, MIT license; after QR Code generator, Project Nayuki, MIT license */\n";
  writeFileSync(file, `${notice}export { encode } from ${JSON.stringify(join(nodeModules, "uqr/dist/index.mjs"))};`);
  return file;
}

/**
 * The scripts: one with the Socket.IO client in it, so that nothing waits for a second connection, and those that come
 * when they are needed: one a language, the names of emoji, and views that few open.
 */
function scripts() {
  const client = JSON.stringify(join(nodeModules, "socket.io-client/dist/socket.io.esm.min.js"));
  // The script may come before the rest of the page.
  const ready = `if (document.readyState === "loading") await new Promise((go) => document.addEventListener("readystatechange", go));`;
  writeFileSync(join(out, "before.js"), `import { io } from ${client}; globalThis.io = io; ${ready}`);
  writeFileSync(join(out, "chat.js"), `import "./before.js"; import ${JSON.stringify(join(web, "chat.js"))};`);
  const options = { ...COMMON, alias: { "emoji-names": emoji, "qr-encoder": qrEncoder() }, splitting: true, outdir: out, entryNames: "[name]-[hash]", chunkNames: "[name]-[hash]" };
  const { outputFiles } = buildSync({ ...options, entryPoints: [join(out, "chat.js")] });
  return outputFiles.map(({ path, text }) => ({ path: `/assets/${basename(path)}`, file: basename(path), text }));
}

/** All styles, in the order of the page. */
function styles() {
  const links = [...read(web, "index.html").matchAll(/<link rel="stylesheet" href="(\.\/[^"]+)">/g)];
  const contents = links.map(([, href]) => `@import "${href}";`).join("\n");
  const stdin = { contents, resolveDir: web, loader: "css" };
  const { outputFiles: [{ text }] } = buildSync({ ...COMMON, target: "esnext", stdin, outfile: join(out, "chat.css") });
  return asset("chat", ".css", text);
}

/** The check of the browser, which is no module. */
function check() {
  return asset("support", ".js", transformSync(read(web, "support.js"), { minify: true, target: "es5", charset: "utf8" }).code);
}

function page(assets) {
  const path = (start, end) => assets.find(({ file }) => file.startsWith(start) && file.endsWith(end)).path;
  // The script comes first, on the connection that is there, and waits for no style.
  const module = `<script src=".${path("chat-", ".js")}" type="module" async></script>`;
  const style = `<link rel="stylesheet" href=".${path("chat-", ".css")}">`;
  let isFirst = true;
  return named(read(web, "index.html"))
    .replace(/<link rel="stylesheet" href="[^"]+">\s*/g, () => (isFirst ? ((isFirst = false), `${module}\n${style}\n`) : ""))
    .replace("./support.js", `.${path("support-", ".js")}`)
    .replace(/<script src=".\/(?:socket.io\/socket.io.min|chat).js" [^>]*><\/script>\s*/g, "")
    .replace(/\n\s*/g, "\n");
}

/** With the icon by the name that changes with it. */
function named(text) {
  return text.replaceAll("./favicon.svg", `.${icon.path}`);
}

/** Keeps what every page loads; the rest, when it has been loaded. */
function worker() {
  const isAlways = ({ path, file }) => !file.endsWith(".js") || html.includes(path);
  const kept = assets.filter(isAlways).map(({ path }) => `.${path}`);
  const define = { PAGE_FILES: JSON.stringify(kept), PAGE_VERSION: JSON.stringify(hash(html)) };
  return transformSync(read(web, "service_worker.js"), { minify: true, define, target: "es2022" }).code;
}

/** The client library as one file. */
function library() {
  return buildSync({ ...COMMON, entryPoints: [join(web, "chat", "client.js")] }).outputFiles[0].text;
}

function asset(name, extension, text) {
  const file = `${name}-${hash(text)}${extension}`;
  return { path: `/assets/${file}`, file, text };
}

function hash(text) {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function serve(path, file, text, changes = "changes") {
  const content = Buffer.from(text);
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeFileSync(join(out, file), content);
  writeFileSync(join(out, `${file}.br`), brotliCompressSync(content, { params }));
  console.log([path, TYPES[extname(file)], changes, file].join("\t"));
}
