//! The program of the README, pasted into a new crate with the dependencies of
//! the README, compiles.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// The first block of this kind that holds a text.
fn block<'a>(document: &'a str, kind: &str, holds: &str) -> &'a str {
    let opened = format!("```{kind}\n");
    let blocks = document.split(&opened).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.into_iter().find(|block| block.contains(holds)).unwrap_or_else(|| panic!("no {kind} block has {holds}"))
}

#[test]
fn the_quickstart_of_the_readme_compiles_in_a_crate_of_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let dependencies = block(&readme, "toml", "[dependencies]");
    let documented = r#"path = "../otp-auth/otp-auth""#;
    assert!(dependencies.contains(documented), "{dependencies}");
    let here = format!("path = {:?}", root.join("otp-auth"));
    let manifest = format!(
        "[package]\nname = \"pasted\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{}\n[workspace]\n",
        dependencies.replace(documented, &here)
    );

    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("src")).unwrap();
    fs::write(directory.path().join("Cargo.toml"), manifest).unwrap();
    let program = format!("#![deny(warnings)]\n{}", block(&readme, "rust", "fn main"));
    fs::write(directory.path().join("src/main.rs"), program).unwrap();
    // The versions are those that everything else here is tested with, and
    // what is built of them already is used.
    fs::copy(root.join("Cargo.lock"), directory.path().join("Cargo.lock")).unwrap();
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let checked = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        .current_dir(directory.path())
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
