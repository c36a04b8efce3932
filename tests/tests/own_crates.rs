//! Applications in separate crates, with their own dependencies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use otp_auth_tests::SECRET;

/// The first code block of this kind that contains a text.
fn block<'a>(document: &'a str, kind: &str, holds: &str) -> &'a str {
    let opened = format!("```{kind}\n");
    let blocks = document.split(&opened).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.into_iter().find(|block| block.contains(holds)).unwrap_or_else(|| panic!("no {kind} block has {holds}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Runs cargo for a crate, reusing what is already built.
fn cargo(directory: &Path, arguments: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(arguments)
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", target)
        .env("OTP_AUTH_SECRET", SECRET.as_str())
        .output()
        .unwrap()
}

/// The program of the README, in a new crate with the dependencies from the README.
#[test]
fn the_quickstart_of_the_readme_compiles_in_a_crate_of_its_own() {
    let root = root();
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
    // The versions are those that the rest of the workspace is tested with, so what is already
    // built of them is reused.
    fs::copy(root.join("Cargo.lock"), directory.path().join("Cargo.lock")).unwrap();
    let checked = cargo(directory.path(), &["check", "--offline", "--quiet"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// Runs a program of `tests/applications`, and returns its output.
fn run_application(program: &[&str]) -> String {
    let arguments = [&["run", "--quiet", "--bin"], program].concat();
    let run = cargo(&root().join("tests/applications"), &arguments);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn an_application_signs_its_own_tokens_with_the_other_provider() {
    assert!(run_application(&["tokens"]).contains("otp_auth"));
}

#[test]
fn an_application_makes_its_own_connections_with_the_other_provider() {
    for store in ["postgres", "mysql", "mongodb"] {
        assert_eq!(run_application(&["connections", store]), "AwsLcRs\n");
        assert_eq!(run_application(&["connections", store, "installed"]), "Ring\n");
        assert_eq!(run_application(&["connections", store, "connect"]), "AwsLcRs\n");
    }
}

#[test]
fn the_captcha_of_the_documents_is_asked_of_strangers() {
    let applications = root().join("tests/applications");
    let documents = fs::read_to_string(root().join("docs/hooks.md")).unwrap();
    let hook = block(&documents, "rust,ignore", "SITEVERIFY");
    let program = fs::read_to_string(applications.join("src/bin/turnstile.rs")).unwrap();
    assert!(program.contains(hook), "the program has another hook than the documents");
    let dependency = block(&documents, "toml", "reqwest");
    assert!(fs::read_to_string(applications.join("Cargo.toml")).unwrap().contains(dependency));
    run_application(&["turnstile"]);
}

#[test]
fn the_mailer_of_the_documents_sends_a_code_and_knows_a_refusal_for_good() {
    let applications = root().join("tests/applications");
    let documents = fs::read_to_string(root().join("otp-auth/docs/send_otp.md")).unwrap();
    let mailer = block(&documents, "ignore", "AsyncSmtpTransport");
    let program = fs::read_to_string(applications.join("src/bin/mail.rs")).unwrap();
    assert!(program.contains(mailer), "the program has another mailer than the documents");
    let dependency = block(&documents, "toml", "lettre");
    assert!(fs::read_to_string(applications.join("Cargo.toml")).unwrap().contains(dependency));
    run_application(&["mail"]);
}
