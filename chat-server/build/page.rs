//! The files of the chat page, as the server hands them out: bundled by `web/build/bundle.mjs`, or as they are in `web`.
//! Both are compressed here.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

/// What the page consists of, in `web`; of folders, all that is in them.
const SOURCES: [&str; 10] = [
    "index.html",
    "chat.css",
    "chat.js",
    "favicon.svg",
    "manifest.webmanifest",
    "service_worker.js",
    "support.js",
    "chat",
    "client/index.js",
    "client/lib",
];

const TYPES: [(&str, &str); 5] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "application/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("webmanifest", "application/manifest+json"),
];

/// A file, and how it is served.
struct File {
    path: String,
    content_type: String,
    is_immutable: bool,
    source: PathBuf,
}

/// Writes `page_files.rs`, with the bundle and with the sources.
pub(crate) fn write(out: &Path, node_modules: &Path) -> io::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(has_bundle)");
    let bundle = match bundle(&out.join("page"), node_modules) {
        Ok(files) => {
            println!("cargo::rustc-cfg=has_bundle");
            files
        }
        Err(reason) => {
            println!(
                "cargo::warning=the chat page is not bundled ({reason}): it is served as it is in web, in many requests"
            );
            Vec::new()
        }
    };
    let mut sources = Vec::new();
    for name in SOURCES {
        collect(Path::new("web"), &Path::new("web").join(name), &mut sources)?;
    }
    let mut generated = list("BUNDLE", &bundle, out)?;
    generated += &list("SOURCES", &sources, out)?;
    fs::write(out.join("page_files.rs"), generated)
}

/// Bundles the page into `directory`, which is the work of the script; it tells what is there.
fn bundle(directory: &Path, node_modules: &Path) -> Result<Vec<File>, String> {
    if !node_modules.join("esbuild").is_dir() {
        return Err("esbuild is not installed".into());
    }
    let output = Command::new("node")
        .arg("web/build/bundle.mjs")
        .args([Path::new("web"), node_modules, directory])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("node does not run: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let cause = stderr.lines().find(|line| line.contains("rror")).unwrap_or_default();
        return Err(format!("bundle.mjs failed, {}; {cause}", output.status));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    lines.lines().map(|line| told(line, directory)).collect()
}

/// Reads a line of the script: path, content type, whether it changes, and the file.
fn told(line: &str, directory: &Path) -> Result<File, String> {
    let [path, content_type, changes, file] = line.split('\t').collect::<Vec<_>>()[..] else {
        return Err(format!("bundle.mjs said {line:?}"));
    };
    Ok(File {
        path: path.to_owned(),
        content_type: content_type.to_owned(),
        is_immutable: changes == "immutable",
        source: directory.join(file),
    })
}

/// Adds the files at `path`, each at its path below `root`.
fn collect(root: &Path, path: &Path, files: &mut Vec<File>) -> io::Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> =
            path.read_dir()?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        entries.sort();
        return entries.iter().try_for_each(|entry| collect(root, entry, files));
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let Some((_, content_type)) = TYPES.iter().find(|(of, _)| *of == extension) else {
        return Ok(());
    };
    let below = path.strip_prefix(root).map_err(io::Error::other)?;
    let below: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let below = below.join("/");
    files.push(File {
        path: format!("/{}", if below == "index.html" { "" } else { &below }),
        content_type: (*content_type).to_owned(),
        is_immutable: false,
        source: path.canonicalize()?,
    });
    Ok(())
}

/// The Rust source of a list of files. Their contents lie below `out`: the target folder may be moved with what is built.
fn list(name: &str, files: &[File], out: &Path) -> io::Result<String> {
    let folder = out.join("embedded").join(name);
    fs::create_dir_all(&folder)?;
    let mut source = format!("pub(super) const {name}: &[File] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let content = fs::read(&file.source)?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&content)?;
        fs::write(folder.join(format!("{number}.gz")), encoder.finish()?)?;
        fs::write(folder.join(number.to_string()), content)?;
        let brotli = brotli(&file.source);
        let mut other = "None".to_owned();
        if brotli.is_file() {
            fs::copy(brotli, folder.join(format!("{number}.br")))?;
            other = format!("Some(include_bytes!(\"embedded/{name}/{number}.br\"))");
        }
        let File { path, content_type, is_immutable, .. } = file;
        let written = writeln!(
            source,
            "    File {{ path: {path:?}, content_type: {content_type:?}, is_immutable: {is_immutable}, \
             body: include_bytes!(\"embedded/{name}/{number}\"), \
             gzip: Some(include_bytes!(\"embedded/{name}/{number}.gz\")), brotli: {other} }},"
        );
        written.map_err(io::Error::other)?;
    }
    source += "];\n";
    Ok(source)
}

/// What the script has compressed lies beside the file.
fn brotli(source: &Path) -> PathBuf {
    let mut name = source.as_os_str().to_owned();
    name.push(".br");
    name.into()
}
