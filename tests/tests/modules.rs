//! ARCHITECTURE.md says that dependencies between modules point one way. These tests read the paths
//! in the source and report violations.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The modules of the library from top to bottom. Each may use those in the rows below its own.
const LAYERS: &[&[&str]] = &[
    &["__private", "extract", "fuzzing", "testing"],
    &["web"],
    &["auth"],
    &["revoked"],
    &["store"],
    &["network", "token"],
    &["config"],
    &["limit"],
    &["delivery", "event"],
    &["hooks", "send", "wire"],
    &["context"],
    &["challenge", "session"],
    &["binding", "user"],
    &["check", "email", "id", "methods", "moment", "origin"],
    &["clock", "keys", "text"],
    &["crypto", "realm"],
    &["error", "secret"],
];

/// Modules that `web` may reach only through the use cases.
const BEHIND_AUTH: &[&str] = &["challenge", "hooks", "keys", "revoked", "store", "token"];

/// Crates, and the modules that may use them.
const CRATES: &[(&[&str], &[&str])] = &[
    (&["axum", "cookie", "http", "tower", "tower_http"], &["web"]),
    (&["sqlx", "mongodb"], &["store", "__private"]),
    (&["aws_lc_rs", "rand"], &["crypto", "keys", "store"]),
    // The others do no I/O and await nothing.
    (&["tokio"], &["auth", "limit", "store", "testing", "web"]),
    (&["governor", "redis"], &["limit"]),
];

/// A module by its path from the root of its crate.
type Module = Vec<String>;

/// What each module contains, except in its tests.
struct Source(BTreeMap<Module, Contents>);

#[derive(Default)]
struct Contents {
    /// The paths that it uses.
    paths: Vec<Vec<String>>,
    /// The inherent methods that it defines, each with its type.
    defines: BTreeSet<(String, String)>,
    /// The methods that `impl` blocks call on their own type.
    calls: BTreeSet<(String, String)>,
}

impl Source {
    fn of(package: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(package).join("src");
        let mut source = Self(BTreeMap::new());
        source.read(&root, &[]);
        assert!(source.0.len() > 5, "{package} has {} modules", source.0.len());
        source
    }

    fn read(&mut self, folder: &Path, parent: &[String]) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let module = match stem {
                "lib" | "mod" => parent.to_vec(),
                // These may use what they test.
                "tests" | "testing_config" => continue,
                _ => [parent, &[stem.to_owned()]].concat(),
            };
            if path.is_dir() {
                self.read(&path, &module);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let tokens = fs::read_to_string(&path).unwrap().parse().unwrap();
                self.0.insert(module, Contents::of(tokens));
            }
        }
    }

    /// The other modules that each module uses.
    fn edges(&self) -> Vec<(&Module, Module)> {
        let mut edges = Vec::new();
        for (module, contents) in &self.0 {
            edges.extend(contents.paths.iter().filter_map(|path| Some((module, self.resolve(module, path)?))));
            // Methods of a type that is spread over the files of a folder have no path.
            let foreign = contents.calls.difference(&contents.defines);
            let is_sibling =
                |other: &Module| other.split_last().map(|(_, of)| of) == module.split_last().map(|(_, of)| of);
            for method in foreign {
                let homes = self.0.iter().filter(|(other, of)| is_sibling(other) && of.defines.contains(method));
                edges.extend(homes.map(|(home, _)| (module, home.clone())));
            }
        }
        edges.retain(|(from, to)| *from != to);
        edges
    }

    /// The deepest module on a path. `None` for a path to another crate.
    fn resolve(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut absolute = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => module.clone(),
            _ => return None,
        };
        for name in path {
            match name.as_str() {
                "crate" | "self" => {}
                "super" => drop(absolute.pop()),
                _ => absolute.push(name.clone()),
            }
        }
        while !self.0.contains_key(&absolute) {
            absolute.pop();
        }
        Some(absolute)
    }
}

impl Contents {
    fn of(tokens: TokenStream) -> Self {
        let mut contents = Self::default();
        collect(tokens.clone(), &mut contents.paths);
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (at, _) in tokens.iter().enumerate().filter(|(_, token)| is(token, "impl")) {
            let is_body =
                |token: &TokenTree| matches!(token, TokenTree::Group(body) if body.delimiter() == Delimiter::Brace);
            let Some(body) = tokens[at..].iter().position(is_body) else { continue };
            let names = outside_of_generics(&tokens[at + 1..at + body]);
            let (Some(name), TokenTree::Group(body)) = (names.last(), &tokens[at + body]) else { continue };
            let body: Vec<_> = body.stream().into_iter().collect();
            if !names.iter().any(|name| name == "for") {
                let defined = body.windows(2).filter(|pair| is(&pair[0], "fn"));
                contents.defines.extend(defined.map(|pair| (name.clone(), pair[1].to_string())));
            }
            contents.call(name, &body);
        }
        contents
    }

    /// Notes the calls of `self.method(…)` and `Self::method(…)`. `auth` is a clone of `self`.
    fn call(&mut self, name: &str, tokens: &[TokenTree]) {
        for (at, token) in tokens.iter().enumerate() {
            let method = match &tokens[at..] {
                [of, dot, method, TokenTree::Group(_), ..] if (is(of, "self") || is(of, "auth")) && is(dot, ".") => {
                    method
                }
                [of, a, b, method, TokenTree::Group(_), ..] if is(of, "Self") && is(a, ":") && is(b, ":") => method,
                _ => {
                    if let TokenTree::Group(group) = token {
                        self.call(name, &group.stream().into_iter().collect::<Vec<_>>());
                    }
                    continue;
                }
            };
            self.calls.insert((name.to_owned(), method.to_string()));
        }
    }
}

fn is(token: &TokenTree, text: &str) -> bool {
    !matches!(token, TokenTree::Group(_)) && token.to_string() == text
}

/// The names of the header of an `impl`, up to `where`, without those between angle brackets.
fn outside_of_generics(header: &[TokenTree]) -> Vec<String> {
    let (mut depth, mut names) = (0, Vec::new());
    for (at, token) in header.iter().enumerate().take_while(|(_, token)| !is(token, "where")) {
        match token {
            TokenTree::Punct(open) if open.as_char() == '<' => depth += 1,
            TokenTree::Punct(close) if close.as_char() == '>' && !is(&header[at - 1], "-") => depth -= 1,
            TokenTree::Ident(name) if depth == 0 => names.push(name.to_string()),
            _ => {}
        }
    }
    names
}

/// Collects every path with two or more names, including those in the braces of a `use`, except in
/// `#[cfg(test)] mod`.
fn collect(tokens: TokenStream, paths: &mut Vec<Vec<String>>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) if group.to_string().replace(' ', "") == "[cfg(test)]" => {
                while !matches!(&tokens[at], TokenTree::Punct(end) if end.as_char() == ';')
                    && !matches!(&tokens[at], TokenTree::Group(body) if body.delimiter() == Delimiter::Brace)
                {
                    at += 1;
                }
            }
            TokenTree::Group(group) => collect(group.stream(), paths),
            TokenTree::Ident(_) => at = follow(&tokens, at, &[], paths),
            _ => {}
        }
        at += 1;
    }
}

/// Follows a path from the name at this position, and returns the position of its last token.
fn follow(tokens: &[TokenTree], mut at: usize, prefix: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) => path.push(name.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',');
                for part in inner.split(is_comma).filter(|part| !part.is_empty()) {
                    follow(part, 0, &path, paths);
                }
                return at;
            }
            _ => break,
        }
        let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(c)) if c.as_char() == ':');
        if !(is_colon(tokens.get(at + 1)) && is_colon(tokens.get(at + 2))) {
            break;
        }
        at += 3;
    }
    if path.len() > 1 {
        paths.push(path);
    }
    at
}

/// A cycle among the modules of one folder, as a path through it.
fn circle(edges: &BTreeMap<&str, BTreeSet<&str>>) -> Option<String> {
    fn walk<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, way: &mut Vec<&'a str>) -> Option<String> {
        let here = *way.last()?;
        for next in edges.get(here).into_iter().flatten() {
            if let Some(start) = way.iter().position(|module| module == next) {
                return Some([&way[start..], &[*next]].concat().join(" -> "));
            }
            way.push(next);
            let found = walk(edges, way);
            way.pop();
            if found.is_some() {
                return found;
            }
        }
        None
    }
    edges.keys().find_map(|module| walk(edges, &mut vec![module]))
}

#[test]
fn no_modules_depend_on_each_other_in_a_circle() {
    let mut circles = Vec::new();
    for package in ["otp-auth", "otp-auth-macros", "otp-auth-rules"] {
        let source = Source::of(package);
        let edges = source.edges();
        let folders: BTreeSet<_> = source.0.keys().filter_map(|module| module.split_last()).map(|(_, of)| of).collect();
        for folder in folders {
            let mut siblings = BTreeMap::<&str, BTreeSet<&str>>::new();
            for (from, to) in &edges {
                if let (Some([from, ..]), Some([to, ..])) = (from.strip_prefix(folder), to.strip_prefix(folder))
                    && from != to
                {
                    siblings.entry(from).or_default().insert(to);
                }
            }
            if let Some(circle) = circle(&siblings) {
                circles.push(format!("{package}, {}: {circle}", folder.join("::")));
            }
        }
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_module_names_only_what_is_below_it() {
    let layer = |module: &str| {
        let row = LAYERS.iter().position(|row| row.contains(&module));
        row.unwrap_or_else(|| panic!("`{module}` has no layer: put it into a row of LAYERS"))
    };
    let source = Source::of("otp-auth");
    let mut wrong = BTreeSet::new();
    for (from, to) in source.edges() {
        // The root uses every module, and modules use it only for its macros.
        let (Some(upper), Some(lower)) = (from.first(), to.first()) else { continue };
        if upper != lower && layer(upper) >= layer(lower) {
            wrong.insert(format!("`{}` names `{lower}`, which is not below `{upper}`", from.join("::")));
        }
        if upper == "web" && BEHIND_AUTH.contains(&lower.as_str()) {
            wrong.insert(format!("`{}` reaches past `auth` for `{lower}`", from.join("::")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn crates_are_named_where_they_belong() {
    let mut wrong = BTreeSet::new();
    for (module, contents) in &Source::of("otp-auth").0 {
        let Some(top) = module.first() else { continue };
        for name in contents.paths.iter().filter_map(|path| path.first()) {
            let is_elsewhere =
                |(crates, modules): &&(&[&str], &[&str])| crates.contains(&&**name) && !modules.contains(&&**top);
            if CRATES.iter().any(|place| is_elsewhere(&place)) {
                wrong.insert(format!("`{}` names the crate `{name}`", module.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn otp_01_key_09_randomness_has_one_source_and_every_hash_is_sha_256() {
    let source = Source::of("otp-auth");
    let (mut random, mut algorithms) = (BTreeSet::new(), BTreeSet::new());
    for (module, contents) in &source.0 {
        for path in &contents.paths {
            let path: Vec<_> = path.iter().map(String::as_str).collect();
            match path[..] {
                ["rand" | "getrandom" | "fastrand", ..] | [.., "rand", _] => {
                    random.insert(format!("{}: {}", module.join("::"), path.join("::")));
                }
                [.., "digest" | "hmac" | "hkdf" | "signature" | "aead" | "cipher", name]
                    if name.chars().all(|c| !c.is_ascii_lowercase()) =>
                {
                    algorithms.insert(name);
                }
                _ => {}
            }
        }
    }
    assert_eq!(random.into_iter().collect::<Vec<_>>(), ["crypto: rand::TryRng", "crypto: rand::rngs::SysRng"]);
    assert_eq!(algorithms.into_iter().collect::<Vec<_>>(), ["HKDF_SHA256", "HMAC_SHA256", "SHA256"]);
}

/// Policy receives the time as a value and awaits nothing.
#[test]
fn rules_wait_for_nothing() {
    for rule in ["challenge", "token", "session", "revoked", "binding", "email", "text", "keys", "network", "origin"] {
        let file = Path::new("otp-auth/src").join(rule);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(file);
        let in_folder = fs::read_dir(&source).into_iter().flatten().map(|entry| entry.unwrap().path());
        let files: Vec<_> = in_folder.chain([source.with_extension("rs")]).filter(|path| path.is_file()).collect();
        assert!(!files.is_empty(), "{rule} is gone");
        for file in files {
            let is_async = words(fs::read_to_string(&file).unwrap().parse().unwrap()).any(|word| word == "async");
            assert!(!is_async, "{} waits", file.display());
        }
    }
}

/// Every identifier and keyword.
fn words(tokens: TokenStream) -> Box<dyn Iterator<Item = String>> {
    Box::new(tokens.into_iter().flat_map(|token| match token {
        TokenTree::Ident(word) => Box::new(std::iter::once(word.to_string())) as Box<dyn Iterator<Item = String>>,
        TokenTree::Group(group) => words(group.stream()),
        _ => Box::new(std::iter::empty()),
    }))
}

#[test]
fn one_module_reads_the_time() {
    for (module, contents) in &Source::of("otp-auth").0 {
        let reads = contents.paths.iter().any(|path| path.ends_with(&["SystemTime".to_owned(), "now".to_owned()]));
        assert_eq!(reads, module == &["clock"], "`{}`", module.join("::"));
    }
}

#[test]
fn a_circle_is_found_and_named() {
    let edges = |pairs: &[(&'static str, &'static str)]| {
        let mut edges = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (from, to) in pairs {
            edges.entry(from).or_default().insert(to);
        }
        edges
    };
    assert_eq!(circle(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    assert_eq!(circle(&edges(&[("a", "b"), ("b", "c"), ("c", "b")])).unwrap(), "b -> c -> b");
}

#[test]
fn paths_are_read_in_every_form() {
    let mut paths = Vec::new();
    let code = "
        use crate::a::{self, B, c::{D, E}};
        #[cfg(test)] mod tests { use crate::t::T; }
        fn f(x: super::G) { let y = crate::h::I::new(); log!(cause = crate::j(x)); }
    ";
    collect(code.parse().unwrap(), &mut paths);
    let paths: Vec<_> = paths.iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a::self",
        "crate::a::B",
        "crate::a::c::D",
        "crate::a::c::E",
        "super::G",
        "crate::h::I::new",
        "crate::j",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn methods_of_one_type_are_read_in_every_form() {
    let code = "
        impl<C: Of<Fn() -> u8>> A<C> where C: B { fn f(&self) { self.g(); Self::h(x(auth.i())); self.j.k(); } }
        impl<T> fmt::Debug for A<T> { fn l(&self) { self.m() } }
        #[cfg(test)] mod tests { impl A { fn n() {} } }
    ";
    let Contents { defines, calls, .. } = Contents::of(code.parse().unwrap());
    let of_a = |methods: &[&str]| methods.iter().map(|method| ("A".to_owned(), (*method).to_owned())).collect();
    assert_eq!((defines, calls), (of_a(&["f"]), of_a(&["g", "h", "i", "m"])));
}
