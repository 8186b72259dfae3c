// Certificates for this machine, made with openssl.

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./bounds.mjs";

/** Writes `NAME.pem` and `NAME.key` into the directory: a certificate for localhost that nobody else has signed. */
export function issue(directory, name) {
  const [certificate, key] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
  const kind = ["-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const names = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  openssl("req", ...kind, ...names, "-days", "30", "-keyout", key, "-out", certificate);
  const pem = readFileSync(certificate, "utf8");
  return { certificate, key, pem, fingerprint: new X509Certificate(pem).fingerprint256 };
}

/** A certificate in a directory of its own, with the options that make a server use it. */
export function issueFor(t) {
  const directory = temporaryDirectory(t);
  const issued = issue(directory, "first");
  return { ...issued, directory, args: ["--tls-cert", issued.certificate, "--tls-key", issued.key] };
}

/** A certificate whose time was over at the end of 2019. */
export function issueExpired(directory) {
  const [request, key, certificate, settings, database] = ["csr", "key", "pem", "cnf", "txt"].map((end) =>
    join(directory, `expired.${end}`),
  );
  writeFileSync(database, "");
  const authority = `database = ${database}\nnew_certs_dir = ${directory}\nrand_serial = yes\ndefault_md = sha256`;
  const sections = ["[any]\ncommonName = supplied", "[v3]\nsubjectAltName = DNS:localhost"].join("\n");
  const own = `[own]\n${authority}\npolicy = any\nx509_extensions = v3`;
  writeFileSync(settings, `[ca]\ndefault_ca = own\n${own}\n${sections}\n`);
  const kind = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"];
  openssl("req", "-new", ...kind, "-keyout", key, "-out", request);
  const times = ["-startdate", "20190101000000Z", "-enddate", "20191231235959Z"];
  const files = ["-keyfile", key, "-in", request, "-out", certificate, "-config", settings];
  openssl("ca", "-batch", "-selfsign", "-notext", ...times, ...files);
  return { certificate, key };
}

function openssl(...args) {
  execFileSync("openssl", args, { stdio: "pipe" });
}
