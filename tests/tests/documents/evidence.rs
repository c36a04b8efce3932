//! Every threat and every requirement has a test that exists, or a reason.

use std::collections::{BTreeMap, BTreeSet};

use super::{read, root, section, sources, table_rows};

/// The numbers of the threats in SECURITY.md.
const THREATS: std::ops::RangeInclusive<u8> = 1..=33;

/// The requirements that must have a row. The numbers between them are recommendations.
const REQUIRED: &[(&str, &[u8])] = &[
    ("doc", &[1, 3, 5, 6, 7, 9]),
    ("otp", &[1, 2, 3, 4, 5, 6, 7, 8, 12, 13]),
    ("rate", &[1, 2, 3, 4, 7, 9, 10, 11, 12, 13, 14, 16]),
    ("enum", &[1, 2, 3, 7, 8]),
    ("mail", &[1, 2, 4, 6, 7, 8, 10, 12, 15]),
    ("jwt", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 25]),
    ("br", &[1, 2, 5, 6, 7, 8, 9, 10, 11]),
    ("rt", &[1, 2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 17]),
    ("out", &[1, 2, 4, 5, 6, 7, 8]),
    ("ck", &[1, 2, 3, 4, 5, 9, 10]),
    ("csrf", &[1, 2, 4, 5, 8, 9]),
    ("http", &[3, 5, 9, 10, 11, 12, 13]),
    ("key", &[1, 3, 4, 5, 7, 8, 9]),
    ("db", &[1, 2, 3, 4, 5, 9]),
    ("log", &[1, 2, 4, 6, 8, 9]),
    ("ux", &[]),
];

/// The names of all tests, those that macros write included.
fn tests() -> BTreeSet<String> {
    let mut code = String::new();
    for folder in ["otp-auth", "otp-auth-macros", "otp-auth-rules", "tests"] {
        sources(&root().join(folder), &["rs"], &mut code);
    }
    let (mut tests, mut functions, mut alone) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let item = line.strip_prefix("pub ").unwrap_or(line);
        if let Some(rest) = item.strip_prefix("async ").unwrap_or(item).strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap().to_owned();
            if is_test {
                tests.insert(name.clone());
            }
            functions.insert(name);
            is_test = false;
        }
        // A case in the list of a macro, such as the conformance suite.
        alone.insert(line.trim_end_matches(',').to_owned());
    }
    tests.extend(functions.intersection(&alone).cloned());
    assert!(tests.len() > 800, "{}", tests.len());
    tests
}

/// The names of tests in a text: a name with three underscores or more is one.
fn named(text: &str) -> Vec<&str> {
    let code = text.split('`').skip(1).step_by(2);
    let is_name = |name: &&str| {
        name.matches('_').count() >= 3
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == ':')
    };
    code.filter(is_name).map(|name| name.rsplit("::").next().unwrap()).collect()
}

/// `OTP-06` of `("otp", 6)`.
fn id(prefix: &str, number: u8) -> String {
    format!("{}-{number:02}", prefix.to_uppercase())
}

/// The requirements and threats in the name of a test: `otp_06_t2_a_used_code…`.
fn ids(test: &str) -> Vec<String> {
    let words: Vec<_> = test.split('_').collect();
    let mut ids = Vec::new();
    for pair in words.windows(2) {
        if let [prefix, number] = pair
            && REQUIRED.iter().any(|(known, _)| known == prefix)
            && number.len() == 2
            && let Ok(number) = number.parse()
        {
            ids.push(id(prefix, number));
        }
    }
    let threats = words.iter().filter(|word| word.strip_prefix('t').is_some_and(|rest| rest.parse::<u8>().is_ok()));
    ids.extend(threats.map(|threat| threat.to_uppercase()));
    ids
}

#[test]
fn every_test_that_a_document_names_exists() {
    let tests = tests();
    for document in ["SECURITY.md", "docs/requirements.md"] {
        let text = read(document);
        let missing: Vec<_> = named(&text).into_iter().filter(|name| !tests.contains(*name)).collect();
        assert!(missing.is_empty(), "{document} names tests that do not exist: {missing:#?}");
        assert!(named(&text).len() > 100, "{document}");
    }
}

/// A promise without a test is not proven.
#[test]
fn every_threat_has_a_test() {
    let security = read("SECURITY.md");
    let threats = section(&security, "## Threats");
    let mut numbers = Vec::new();
    for row in table_rows(threats).into_iter().filter(|row| row.len() == 4) {
        assert!(!named(row[3]).is_empty(), "no test for: {}", row[1]);
        numbers.extend(row[0].split(", ").filter(|number| !number.is_empty()).map(str::to_owned));
    }
    numbers.sort_by_key(|number| number[1..].parse::<u8>().unwrap());
    assert_eq!(numbers, THREATS.map(|number| format!("T{number}")).collect::<Vec<_>>());
    let elsewhere = read("docs/requirements.md");
    for row in table_rows(section(&elsewhere, "## Seen elsewhere")) {
        assert!(numbers.iter().any(|number| number == row[0]), "{}", row[0]);
    }
}

#[test]
fn every_requirement_has_a_test_or_a_reason() {
    let document = read("docs/requirements.md");
    let mut found = Vec::new();
    for row in table_rows(section(&document, "## Requirements")) {
        let [id, requirement, source, proof] = row[..] else { panic!("{row:?}") };
        found.push(id.to_owned());
        assert!(!requirement.is_empty() && !source.is_empty(), "{id}");
        let has_reason = ["By design: ", "Not applicable: "].iter().any(|start| proof.starts_with(start));
        assert!(proof.starts_with('`') && !named(proof).is_empty() || has_reason, "{id}: {proof}");
    }
    let required = REQUIRED.iter().flat_map(|(prefix, numbers)| numbers.iter().map(|number| id(prefix, *number)));
    assert_eq!(found, required.collect::<Vec<_>>());
}

/// What stands in the name of a test has a meaning that can be looked up.
#[test]
fn every_id_in_the_name_of_a_test_is_explained() {
    let mut used = BTreeMap::<String, String>::new();
    for test in tests() {
        used.extend(ids(&test).into_iter().map(|id| (id, test.clone())));
    }
    let mut known: BTreeSet<_> = THREATS.map(|number| format!("T{number}")).collect();
    known.extend(REQUIRED.iter().flat_map(|(prefix, numbers)| numbers.iter().map(|number| id(prefix, *number))));
    let document = read("docs/requirements.md");
    for row in table_rows(section(&document, "## Recommendations")) {
        assert!(used.contains_key(row[0]), "no test has {} in its name", row[0]);
        assert!(known.insert(row[0].to_owned()), "{} has two rows", row[0]);
    }
    used.retain(|id, _| !known.contains(id));
    assert!(used.is_empty(), "docs/requirements.md does not explain {used:#?}");
}

#[test]
fn ids_are_read_from_names() {
    assert_eq!(ids("otp_06_t2_a_used_code_is_refused"), ["OTP-06", "T2"]);
    assert_eq!(ids("db_03_10_first_sign_ins_at_once"), ["DB-03"]);
    assert!(ids("a_code_is_accepted_once").is_empty());
}
