//! Which part of the house knows which, read from the `use` lines: arrows go down only, and never in a circle.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, Item, Lit, Meta, UseTree, Visibility};

/// The rings of this crate, the lowest first. Each knows those before it.
const RINGS: [&str; 4] = ["engine", "socketio", "http", "chat"];

/// What the engine has nothing to do with.
const NOT_IN_ENGINE: [&str; 7] =
    ["axum", "engineioxide", "http", "hyper", "socketioxide", "tower", "tungstenite"];

/// The program, and how many modules it has at least.
const PROGRAM: (&str, usize) = ("chat-server/bin/chat-server", 10);

/// The way to a module from the root of its crate, or to an item in one.
type Way = Vec<String>;

#[derive(Default)]
struct Module {
    /// What its names stand for, of this crate.
    names: HashMap<String, Way>,
    /// What of this crate it uses for itself, not only to pass it on.
    uses: BTreeSet<Way>,
    /// The other crates whose names it says.
    crates: BTreeSet<String>,
}

struct Crate(BTreeMap<Way, Module>);

impl Crate {
    fn read(sources: &Path) -> Self {
        let mut files = Vec::new();
        find(sources, &mut files);
        let mut modules = BTreeMap::new();
        for file in files {
            let way = module_of(file.strip_prefix(sources).unwrap());
            let text = fs::read_to_string(&file).unwrap();
            let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"));
            modules.insert(way, Rc::new(parsed));
        }
        place(&mut modules);
        let known: BTreeSet<Way> = modules.keys().cloned().collect();
        let read = |(way, file): (Way, Rc<syn::File>)| {
            let mut reader = Reader { known: &known, way: &way, module: Module::default() };
            reader.visit_file(&file);
            (way.clone(), reader.module)
        };
        Self(modules.into_iter().map(read).collect())
    }

    /// The module in which something is defined.
    fn home(&self, way: &[String], depth: usize) -> Option<Way> {
        let (module, name) = (0..=way.len()).rev().find_map(|end| {
            let module = self.0.get(&way[..end])?;
            Some((&way[..end], way.get(end).and_then(|name| module.names.get(name))))
        })?;
        match name {
            Some(passed_on) if depth < 20 => {
                let rest = &way[module.len() + 1..];
                self.home(&[passed_on, rest].concat(), depth + 1)
            }
            _ => Some(module.to_vec()),
        }
    }

    /// For each module those that it knows.
    fn arrows(&self) -> BTreeMap<&Way, BTreeSet<Way>> {
        let known = |(way, module): (_, &Module)| {
            let homes = module.uses.iter().filter_map(|used| self.home(used, 0));
            (way, homes.filter(|home| home != way).collect())
        };
        self.0.iter().map(known).collect()
    }

    /// The modules that know each other, if there are some.
    fn circles(&self) -> Vec<String> {
        let arrows = self.arrows();
        let reached = |from: &Way| {
            let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
            while let Some(way) = next.pop() {
                next.extend(arrows[way].iter().filter(|to| reached.insert((*to).clone())));
            }
            reached
        };
        let reached: BTreeMap<&Way, BTreeSet<Way>> =
            arrows.keys().map(|way| (*way, reached(way))).collect();
        let is_in_circle = |way: &&&Way| reached[**way].contains(**way);
        arrows.keys().filter(is_in_circle).map(|way| way.join("::")).collect()
    }
}

/// Puts files that are modules of others by `#[path]` there, and away from where they lie.
fn place(modules: &mut BTreeMap<Way, Rc<syn::File>>) {
    let mut placed = Vec::new();
    for (way, file) in &*modules {
        for item in &file.items {
            let Item::Mod(module) = item else { continue };
            let Some(path) = module.attrs.iter().find_map(path_of) else { continue };
            // Paths begin where the file is.
            let folder: PathBuf = way.iter().take(way.len() - 1).collect();
            let own = [way, &[module.ident.to_string()][..]].concat();
            placed.push((own, module_of(&folder.join(path))));
        }
    }
    let files: Vec<_> = placed.iter().map(|(_, from)| Rc::clone(&modules[from])).collect();
    placed.iter().for_each(|(_, from)| drop(modules.remove(from)));
    modules.extend(placed.into_iter().map(|(own, _)| own).zip(files));
}

/// The file that an attribute `path` names.
fn path_of(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) = &pair.value else { return None };
    pair.path.is_ident("path").then(|| path.value())
}

/// All files with the program, and none with its tests.
fn find(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // A program is a crate of its own.
        let is_other = path.file_stem().is_some_and(|stem| stem == "tests" || stem == "bin");
        if path.is_dir() && !is_other {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_other {
            files.push(path);
        }
    }
}

fn module_of(file: &Path) -> Way {
    let stem = file.with_extension("");
    let way = stem.iter().map(|part| part.to_str().unwrap().to_owned());
    let mut way: Way = way.collect();
    if way.last().is_some_and(|last| last == "lib" || last == "main") {
        way.pop();
    }
    way
}

struct Reader<'a> {
    known: &'a BTreeSet<Way>,
    way: &'a Way,
    module: Module,
}

impl Reader<'_> {
    /// Where a path of this crate leads; none for one of another.
    fn absolute(&self, path: &[String]) -> Option<Way> {
        let parents = path.iter().take_while(|part| *part == "super").count();
        match path.first().map(String::as_str)? {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([self.way, &path[1..]].concat()),
            "super" => {
                Some([&self.way[..self.way.len().checked_sub(parents)?], &path[parents..]].concat())
            }
            child => {
                let child = [self.way, &[child.to_owned()][..]].concat();
                self.known.contains(&child).then(|| [self.way, path].concat())
            }
        }
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_passed_on: bool) {
        match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                self.import(&path.tree, &before, is_passed_on);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, before, is_passed_on));
            }
            UseTree::Name(name) => {
                self.name(before, &name.ident.to_string(), None, is_passed_on);
            }
            UseTree::Rename(renamed) => {
                let (name, new) = (renamed.ident.to_string(), renamed.rename.to_string());
                self.name(before, &name, Some(new), is_passed_on);
            }
            UseTree::Glob(_) => self.name(before, "self", None, is_passed_on),
        }
    }

    fn name(&mut self, before: &[String], name: &str, new: Option<String>, is_passed_on: bool) {
        let path = if name == "self" { before.to_vec() } else { [before, &[name.into()]].concat() };
        let Some(way) = self.absolute(&path) else {
            self.module.crates.extend(path.first().cloned());
            return;
        };
        let name = new.or_else(|| path.last().cloned()).unwrap_or_default();
        self.module.names.insert(name, way.clone());
        if !is_passed_on {
            self.module.uses.insert(way);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            // Tests may look anywhere, and a module in the same file is a part of it.
            Item::Mod(module) if module.ident.to_string().ends_with("tests") => {}
            Item::Use(import) => {
                let is_passed_on = !matches!(import.vis, Visibility::Inherited);
                self.import(&import.tree, &[], is_passed_on);
            }
            item => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Way = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if parts.len() > 1 {
            match self.absolute(&parts) {
                Some(way) => {
                    self.module.uses.insert(way);
                }
                None => self.module.crates.extend(parts.first().cloned()),
            }
        }
        visit::visit_path(self, path);
    }
}

fn sources(name: &str) -> PathBuf {
    let (name, within) = name.split_once('/').unwrap_or((name, ""));
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src").join(within)
}

#[test]
fn no_module_of_any_crate_is_in_a_circle() {
    for (name, least) in
        [("chat-core", 20), ("chat-store", 40), ("chat-adapter", 20), ("chat-server", 100), PROGRAM]
    {
        let read = Crate::read(&sources(name));
        assert!(read.0.len() >= least, "{name} has {} modules", read.0.len());
        assert_eq!(read.circles(), [""; 0], "{name}");
    }
}

#[test]
fn each_ring_knows_only_those_below_it() {
    let read = Crate::read(&sources("chat-server"));
    let ring = |way: &Way| RINGS.iter().position(|ring| way.first().is_some_and(|own| own == ring));
    let mut seen = BTreeSet::new();
    for (from, known) in read.arrows() {
        let Some(ring_from) = ring(from) else { continue };
        for to in known {
            let Some(ring_to) = ring(&to) else {
                panic!("{} knows {}, which is in no ring", from.join("::"), to.join("::"));
            };
            assert!(ring_to <= ring_from, "{} knows {}", from.join("::"), to.join("::"));
            seen.insert((ring_from, ring_to));
        }
    }
    assert!(seen.contains(&(1, 0)) && seen.contains(&(3, 2)), "{seen:?}");
}

#[test]
fn the_engine_knows_neither_sockets_nor_http() {
    let read = Crate::read(&sources("chat-server"));
    let engine = read.0.iter().filter(|(way, _)| way.first().is_some_and(|ring| ring == "engine"));
    let mut crates = BTreeSet::new();
    for (way, module) in engine {
        let strange = module.crates.iter().find(|name| NOT_IN_ENGINE.contains(&name.as_str()));
        assert_eq!(strange, None, "{}", way.join("::"));
        crates.extend(&module.crates);
    }
    assert!(crates.iter().any(|name| *name == "chat_store"), "{crates:?}");
}

#[test]
fn circles_are_found_wherever_a_name_is_passed_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod a; mod b; pub use a::A;");
    write("a.rs", "mod deep; pub(crate) use deep::Deep; pub struct A;");
    write("a/deep.rs", "pub(crate) struct Deep(crate::b::B);");
    write("b.rs", "pub(crate) struct B;");
    assert_eq!(Crate::read(folder.path()).circles(), [""; 0]);
    write("b.rs", "use crate::a::Deep; pub(crate) struct B(Box<Deep>);");
    assert_eq!(Crate::read(folder.path()).circles(), ["a::deep", "b"]);
    write("b.rs", "#[path = \"shared/c.rs\"] mod c; pub(crate) struct B(c::C);");
    write("shared/c.rs", "pub(crate) struct C;");
    assert_eq!(Crate::read(folder.path()).circles(), [""; 0]);
    write("shared/c.rs", "pub(crate) struct C(super::B);");
    assert_eq!(Crate::read(folder.path()).circles(), ["b", "b::c"]);
}
