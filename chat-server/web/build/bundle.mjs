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

const COMMON = { bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8", legalComments: "none", write: false };

const assets = [...scripts(), styles(), base()];
const html = page(assets);
const kept = assets.map(({ path }) => `.${path}`);
serve("/", "index.html", html);
for (const { path, file, text } of assets) serve(path, file, text, "immutable");
serve("/favicon.svg", "favicon.svg", read(web, "favicon.svg"));
serve("/manifest.webmanifest", "manifest.webmanifest", read(web, "manifest.webmanifest"));
serve("/service_worker.js", "service_worker.js", worker());
serve("/chat/client.js", "client.js", library());

/** The page's own scripts: one, and one a language. */
function scripts() {
  const options = { ...COMMON, splitting: true, outdir: out, entryNames: "[name]-[hash]", chunkNames: "[name]-[hash]" };
  const { outputFiles } = buildSync({ ...options, entryPoints: [join(web, "chat.js")] });
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

/** What is no module: the check of the browser, and the Socket.IO client. */
function base() {
  const check = transformSync(read(web, "support.js"), { minify: true, target: "es5", charset: "utf8" }).code;
  const client = read(nodeModules, "socket.io-client", "dist", "socket.io.min.js").replace(/^\/\/# sourceMappingURL=.*$/m, "");
  return asset("base", ".js", `${check}${client}`);
}

function page(assets) {
  const named = (start, end) => assets.find(({ file }) => file.startsWith(start) && file.endsWith(end)).path;
  const style = `<link rel="stylesheet" href=".${named("chat-", ".css")}">`;
  const script = `<script src=".${named("base-", ".js")}" defer></script>`;
  const module = `<script src=".${named("chat-", ".js")}" type="module"></script>`;
  let isFirst = true;
  return read(web, "index.html")
    .replace(/<link rel="stylesheet" href="[^"]+">\s*/g, () => (isFirst ? ((isFirst = false), `${style}\n`) : ""))
    .replace(/<script src=".\/support.js" defer><\/script>\s*/, "")
    .replace(/<script src=".\/socket.io\/socket.io.min.js" defer><\/script>/, script)
    .replace(/<script src=".\/chat.js" type="module"><\/script>/, module)
    .replace(/\n\s*/g, "\n");
}

/** Keeps what the page loads, in any language. */
function worker() {
  const define = { PAGE_FILES: JSON.stringify([...kept, "./favicon.svg"]), PAGE_VERSION: JSON.stringify(hash(html)) };
  return transformSync(read(web, "service_worker.js"), { minify: true, define, target: "es2022" }).code;
}

/** The client library as one file. */
function library() {
  return buildSync({ ...COMMON, entryPoints: [join(web, "client", "index.js")] }).outputFiles[0].text;
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
