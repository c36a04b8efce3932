//! How `SQLite` finds the rows of each statement: by an index that leads to them, never by reading a
//! table or all that belongs to a realm.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use sqlx::AssertSqlSafe;

use super::sqlite::{USERS, store_with};

/// The statements on our tables, as they stand in the source of the store.
fn statements() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../otp-auth/src/store/sql");
    let mut files = vec![folder.join("sqlite.rs")];
    files.extend(fs::read_dir(folder.join("sqlite")).unwrap().map(|entry| entry.unwrap().path()));
    let mut literals = Vec::new();
    for file in files {
        collect(fs::read_to_string(file).unwrap().parse().unwrap(), &mut literals);
    }
    let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE "];
    literals.retain(|literal| verbs.iter().any(|verb| literal.starts_with(verb)));
    literals.retain(|literal| ["otp_", "token_"].iter().any(|table| literal.contains(&format!(" {table}"))));
    literals
}

fn collect(tokens: TokenStream, literals: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect(group.stream(), literals),
            // Each line of a statement ends with a backslash.
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                literals.push(text.trim_matches('"').split("\\\n").map(str::trim_start).collect());
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let store = store_with(USERS).await;
    let statements = statements();
    assert!(statements.len() > 20, "{statements:?}");
    let mut tables = BTreeSet::new();
    let mut slow = Vec::new();
    for statement in statements {
        let plan = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(plan).fetch_all(store.pool()).await.unwrap();
        for (.., step) in steps {
            let mut words = step.split_whitespace();
            let (way, Some(table)) = (words.next(), words.next()) else { continue };
            if table.starts_with("otp_") || table == "token_blacklist" {
                tables.insert(table.to_owned());
                if way == Some("SCAN") || step.ends_with("(realm=?)") {
                    slow.push(format!("{step}: {statement}"));
                }
            }
        }
    }
    assert_eq!(slow, Vec::<String>::new());
    assert_eq!(tables.len(), 4, "{tables:?}");
}
