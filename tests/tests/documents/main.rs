//! The documents are correct: requirements DOC-01 to DOC-10.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

mod evidence;
mod limits;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use otp_auth::{
    ConsoleSender, MemoryStore, OtpAuth, OtpUser,
    config::{SameSite, Settings},
    otp_config,
};
use otp_auth_rules::Form;
use tower::ServiceExt;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Joins lines, so that line breaks do not matter.
fn flowing(path: &str) -> String {
    read(path).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[derive(Clone, OtpUser)]
struct User {
    #[otp(id)]
    id: i64,
    #[otp(email)]
    email: String,
}

#[otp_config(user = User, secret_key = self.secret)]
struct Defaults {
    secret: String,
    #[otp(sender)]
    sender: ConsoleSender,
}

fn application() -> OtpAuth<Defaults> {
    let store = MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned() });
    let secret = otp_auth_tests::SECRET.clone();
    OtpAuth::new(Defaults { sender: ConsoleSender, secret }, store).unwrap()
}

fn defaults() -> Settings {
    application().settings().clone()
}

/// The rows of every table in a text, as cells.
fn table_rows(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<_> = text.lines().collect();
    let is_rule = |line: &&str| line.starts_with("| ---");
    let rows = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| line.starts_with('|') && !is_rule(line) && !lines.get(at + 1).is_some_and(is_rule));
    rows.map(|(_, row)| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands below a heading, up to the next one of its level or above.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let below = &text[start + heading.len() + 2..];
    let level = heading.split(' ').next().unwrap().len();
    let ends = (1..=level).filter_map(|level| below.find(&format!("\n{} ", "#".repeat(level))));
    &below[..ends.min().unwrap_or(below.len())]
}

/// KEY-02: everything in this repository that looks like a secret is rejected.
#[test]
fn key_02_no_secret_that_stands_here_can_be_used() {
    let mut text = String::new();
    sources(&root(), &["rs", "md", "toml", "yml"], &mut text);
    let looks_random = |word: &&str| {
        let has = |test: fn(&char) -> bool| word.chars().any(|c| test(&c));
        let hex = word.chars().all(|c| c.is_ascii_hexdigit());
        let mixed = has(char::is_ascii_digit) && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
        word.len() >= 32 && (hex || mixed)
    };
    let candidates: BTreeSet<_> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '=')
        .map(|word| word.trim_matches('='))
        .filter(looks_random)
        .collect();
    assert!(candidates.len() >= 5, "{candidates:?}");
    for candidate in candidates {
        let store = MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned() });
        let config = Defaults { sender: ConsoleSender, secret: candidate.to_owned() };
        assert!(OtpAuth::new(config, store).is_err(), "{candidate} is a secret that works");
    }
}

/// The default of a key, according to the reference.
fn documented(key: &str) -> String {
    let reference = read("otp-auth/docs/otp_config.md");
    let start = format!("| `{key} = ");
    let row = reference.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row for {key}"));
    row.split('|').nth(2).unwrap().trim().trim_matches('`').trim_matches('"').to_owned()
}

fn spelled(span: std::time::Duration) -> String {
    match span.as_secs() {
        secs if secs % 86_400 == 0 => format!("{}d", secs / 86_400),
        secs if secs % 3_600 == 0 => format!("{}h", secs / 3_600),
        secs if secs % 60 == 0 => format!("{}m", secs / 60),
        secs => format!("{secs}s"),
    }
}

#[test]
fn doc_06_doc_07_the_reference_has_the_defaults_of_the_code() {
    let settings = defaults();
    for (key, value) in [
        ("access_token_lifetime", spelled(settings.access_token_lifetime)),
        ("refresh_token_lifetime", spelled(settings.refresh_token_lifetime)),
        ("refresh_grace", spelled(settings.refresh_grace)),
        ("otp_length", settings.otp_length.to_string()),
        ("otp_expiry", spelled(settings.otp_expiry)),
        ("max_otp_attempts", settings.max_otp_attempts.to_string()),
        ("otp_rate_limit", spelled(settings.otp_rate_limit)),
        ("max_sends_per_hour", settings.max_sends_per_hour.to_string()),
        ("max_sends_per_day", settings.max_sends_per_day.to_string()),
        ("send_timeout", spelled(settings.send_timeout)),
        ("auto_create_user", settings.auto_create_user.to_string()),
        ("cookie_secure", settings.cookie_secure.to_string()),
        ("cookie_name", settings.cookie_name.replace(settings.realm.as_str(), "<realm>")),
        ("cookie_path", settings.cookie_path.clone()),
        ("forget_device_at_logout", settings.forget_device_at_logout.to_string()),
        ("cookie_same_site", if settings.cookie_same_site == SameSite::Lax { "lax".into() } else { "?".into() }),
        ("developer_mode", settings.developer_mode.to_string()),
    ] {
        assert_eq!(documented(key), value, "{key}");
    }
    assert!(settings.previous_cookie_paths.is_empty() && documented("previous_cookie_paths") == "none");
    assert!(settings.cookie_domain.is_none() && documented("cookie_domain") == "none");
    assert!(settings.issuer.is_none() && documented("issuer") == "none");
    assert!(settings.audience.is_none() && documented("audience") == "none");
    assert!(settings.trusted_origins.is_empty() && documented("trusted_origins") == "none");
    assert!(settings.developer_hosts.is_empty() && documented("developer_hosts") == "none");
}

/// Every document of the repository for readers.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs/", "otp-auth/", "otp-auth/docs/", "benchmarks/"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if has_extension(&name, "md") {
                found.push(format!("{folder}{name}"));
            }
        }
    }
    assert!(found.len() >= 16, "{found:?}");
    found
}

/// The anchors that GitHub creates for the headings of a document.
fn anchors(document: &str) -> Vec<String> {
    let mut code = false;
    let mut headings = Vec::new();
    for line in document.lines() {
        code ^= line.starts_with("```");
        if !code && line.starts_with('#') {
            let kept = line.trim_start_matches('#').trim().chars();
            let kept = kept.filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            headings.push(kept.collect::<String>().to_lowercase().replace(' ', "-"));
        }
    }
    headings
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut followed = 0;
    for document in documents() {
        let text = read(&document);
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            // Rustdoc links and external links are not checked here.
            if target.contains("://") || target.contains("::") || target.contains('@') {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match path {
                "" => root().join(&document),
                path => root().join(&document).parent().unwrap().join(path),
            };
            assert!(path.exists(), "{document} links to {target}, which is not there");
            if !anchor.is_empty() {
                let anchors = anchors(&fs::read_to_string(path).unwrap());
                assert!(anchors.iter().any(|found| found == anchor), "{document} links to {target}: no such heading");
            }
            followed += 1;
        }
    }
    assert!(followed >= 60, "{followed}");
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == extension)
}

#[test]
fn every_file_that_architecture_md_names_is_there() {
    let text = read("ARCHITECTURE.md");
    let mut found = 0;
    for name in text.split('`').skip(1).step_by(2) {
        if has_extension(name, "rs") && !name.contains(['*', '{', '<']) {
            let folders = ["otp-auth/src", "otp-auth/src/store/sql", ""];
            assert!(folders.iter().any(|folder| root().join(folder).join(name).exists()), "there is no {name}");
            found += 1;
        }
    }
    assert!(found >= 40, "{found}");
}

/// `rust-version` is the version that is tested.
#[test]
fn rust_version_is_that_of_the_pinned_toolchain() {
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(read("rust-toolchain.toml").contains(&format!("channel = \"{version}.0\"")), "{version}");
    assert!(read("README.md").contains(&format!("Rust {version} or later")), "{version}");
}

/// The table in the reference matches the table of keys. `UPDATE_SNAPSHOTS=1` rewrites it.
#[test]
fn doc_06_the_reference_has_every_key_as_the_rules_have_it() {
    const PATH: &str = "otp-auth/docs/otp_config.md";
    const HEAD: &str = "| key | default | rule |\n| --- | --- | --- |\n";
    let rows = otp_auth_rules::KEYS.iter().map(|key| {
        let written = match key.form {
            Form::Type(_) => format!("{} = {}", key.name, key.value()),
            Form::Word(_) => key.name.to_owned(),
            Form::Path(_) => format!("{} = path", key.name),
            Form::Secrets(_) | Form::List(_) => format!("{} = […]", key.name),
            _ => format!("{} = …", key.name),
        };
        let limits =
            key.limits().map_or_else(String::new, |limits| format!("{limits}.").replace("at least", "At least"));
        let rule = [key.doc.trim(), &limits, key.note].join(" ");
        format!("| `{written}` | {} | {} |\n", key.default(), rule.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    let table: String = rows.collect();
    let reference = read(PATH);
    let (before, rest) = reference.split_once(HEAD).unwrap();
    let (old, after) = rest.split_at(rest.find("\n\n").unwrap() + 1);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(root().join(PATH), format!("{before}{HEAD}{table}{after}")).unwrap();
        return;
    }
    assert!(old == table, "{PATH} differs from the table of keys; run this with UPDATE_SNAPSHOTS=1:\n{table}");
}

/// The macros reject the names of our own tables and collections as the user table.
#[test]
fn every_table_of_ours_is_reserved() {
    use otp_auth_rules::text::{OWN_COLLECTION, OWN_TABLES};

    let mut statements = String::new();
    sources(&root().join("otp-auth/migrations"), &["sql"], &mut statements);
    let store = read("otp-auth/src/store/mongo.rs");
    let created = |text: &str, before: &str| -> BTreeSet<String> {
        let names = text.split(before).skip(1).map(|rest| rest.split([' ', '"']).next().unwrap().to_owned());
        names.filter(|name| !name.starts_with('_')).collect()
    };
    let tables = created(&statements.replace("IF NOT EXISTS ", ""), "CREATE TABLE ");
    let collections = created(&store, "collection(\"");
    let reserved: BTreeSet<_> = OWN_TABLES.map(str::to_owned).into();
    assert_eq!(tables, reserved);
    assert_eq!(collections, reserved.union(&[OWN_COLLECTION.to_owned()].into()).cloned().collect());
}

/// The program in the README is the one that CI runs.
#[test]
fn the_quickstart_of_the_readme_is_the_example() {
    let readme = read("README.md");
    let example = read("examples/quickstart/src/main.rs");
    let block = readme.split("```rust").skip(1).find(|block| block.contains("fn main")).unwrap();
    let block = block.split_once('\n').unwrap().1.split("```").next().unwrap().trim();
    let start = block.lines().next().unwrap();
    let from = example.find(start).unwrap_or_else(|| panic!("the example has no line: {start}"));
    assert!(example[from..].starts_with(block), "the README and examples/quickstart/src/main.rs differ");
}

#[test]
fn the_readme_has_the_two_commands() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 250, "what does not fit on a front page belongs into docs/");
    for command in ["cargo run -p quickstart", "scripts/test --install"] {
        assert!(readme.lines().any(|line| line == command), "{command}");
    }
    assert!(read(".ci/run").contains("grep -x -m 1 'scripts/test --install' README.md"));
}

#[test]
fn doc_01_doc_02_doc_03_doc_05_doc_10_the_limits_of_a_mailed_code_are_stated() {
    for document in ["README.md", "docs/security.md"] {
        let text = flowing(document);
        for needed in ["SP 800-63B-4", "3.1.3.1", "ASVS", "6.3.6", "V6.6", "phishing"] {
            assert!(text.contains(needed), "{document} does not mention {needed}");
        }
        let lower = text.to_lowercase();
        assert!(lower.contains("passkey") && lower.contains("control of a mailbox"), "{document}");
    }
    assert!(flowing("README.md").contains("OAuth"));
    for document in documents() {
        let text = flowing(&document).to_lowercase();
        for claim in [
            "nist-compliant",
            "nist compliant",
            "aal1",
            "aal2",
            "aal3",
            "phishing-resistant sign-in",
            "is phishing-resistant",
        ] {
            assert!(!text.contains(claim), "{document} claims {claim}");
        }
    }
    assert!(flowing("otp-auth/docs/front_page.md").contains("3.1.3.1"));
}

/// Collects every file with one of these extensions below a folder.
fn sources(folder: &Path, extensions: &[&str], found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                sources(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[tokio::test]
async fn doc_09_the_router_has_the_documented_routes_and_no_other() {
    let router = application().router::<()>();
    let debug = format!("{router:?}");
    // Those of axum itself lead to its 404.
    let is_of_axum = |path: &str| path == "/" || path.contains("axum_fallback");
    let served: BTreeSet<_> = debug.split('"').filter(|text| text.starts_with('/') && !is_of_axum(text)).collect();
    let document = read("docs/http.md");
    let cells = table_rows(&document).into_iter().map(|row| row[0].trim_matches('`'));
    assert_eq!(served, cells.filter(|cell| cell.starts_with('/')).collect());
    assert_eq!(served.len(), 4, "{debug}");
    for path in ["/", "/other"] {
        let request = Request::post(path).body(Body::empty()).unwrap();
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn key_07_the_examples_read_the_secret_from_the_environment() {
    let mut examples = 0;
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let code = fs::read_to_string(entry.unwrap().path().join("src/main.rs")).unwrap();
        let secrets: Vec<_> = code.split("secret_key = ").skip(1).map(|rest| rest.split('(').next().unwrap()).collect();
        assert_eq!(secrets, ["env"]);
        examples += 1;
    }
    assert!(examples >= 4, "{examples}");
}

/// Every week, and with every change of dependencies.
#[test]
fn key_08_the_advisories_of_dependencies_are_checked() {
    let workflow = read(".github/workflows/advisories.yml");
    for line in ["- cron:", "paths: [Cargo.lock,", "command: check advisories"] {
        assert!(workflow.contains(line), "{line}");
    }
    assert!(read(".ci/run").contains("\"$deny\" check advisories"));
    assert!(!read("deny.toml").contains("\nignore ="), "no advisory is ignored");
}

/// DOC-08: every derived key is described, and no other.
#[test]
fn doc_08_every_key_is_in_security_md() {
    let code = read("otp-auth/src/keys.rs");
    let mut labels: Vec<_> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => b\"")?.1.strip_suffix("\","))
        .collect();
    assert!(labels.len() >= 8, "{labels:?}");
    let security = read("SECURITY.md");
    let table = security.split_once("| label | purpose | algorithm |").unwrap().1;
    let mut rows: Vec<_> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|row| row.split('`').nth(1).unwrap())
        .collect();
    labels.sort_unstable();
    rows.sort_unstable();
    assert_eq!(labels, rows);
}

/// The lines of a text without indentation and empty lines.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The code that the documents recommend is run by a test.
#[test]
fn the_start_without_a_unique_index_is_tested() {
    let document = read("docs/getting-started.md");
    let block = document.split("```rust,ignore").find(|block| block.contains("FindingKind::Unique")).unwrap();
    let block = trimmed(block.split("```").next().unwrap());
    assert!(trimmed(&read("tests/tests/behaviour/check.rs")).contains(&block), "{block}");
}
