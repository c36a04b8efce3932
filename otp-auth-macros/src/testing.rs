//! For tests: the errors of an expansion as values, and snapshots of expansions.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Item, LitStr};

/// The errors in generated code: for each, the source text it points at and the message. The
/// text is empty where an error points at the whole attribute.
pub(crate) fn errors(tokens: &TokenStream) -> Vec<(String, String)> {
    file(tokens)
        .items
        .into_iter()
        .filter_map(|item| match item {
            Item::Macro(item) if item.mac.path.segments.last()?.ident == "compile_error" => {
                let Ok(message) = item.mac.parse_body::<LitStr>() else { panic!("an error without a text") };
                let tokens: Vec<_> = item.into_token_stream().into_iter().collect();
                let place = tokens.first()?.span().join(tokens.last()?.span());
                let place = place.and_then(|place| place.source_text()).unwrap_or_default();
                Some((place, message.value()))
            }
            _ => None,
        })
        .collect()
}

/// The names of the items in generated code: structs by their name, impls by their trait.
pub(crate) fn items(tokens: &TokenStream) -> Vec<String> {
    file(tokens)
        .items
        .into_iter()
        .filter_map(|item| match item {
            Item::Struct(item) => Some(item.ident.to_string()),
            Item::Enum(item) => Some(item.ident.to_string()),
            Item::Impl(item) => {
                let path = item.trait_?.0;
                Some(path.segments.last()?.ident.to_string())
            }
            _ => None,
        })
        .collect()
}

fn file(tokens: &TokenStream) -> syn::File {
    match syn::parse2(tokens.clone()) {
        Ok(file) => file,
        Err(error) => panic!("generated code does not parse: {error}\n{tokens}"),
    }
}

/// Parses source text to tokens that know their place in it.
pub(crate) fn source(text: &str) -> TokenStream {
    match text.parse() {
        Ok(tokens) => tokens,
        Err(error) => panic!("{error}: {text}"),
    }
}

/// Asserts that the formatted generated code equals `snapshots/<name>.rs`. With
/// `UPDATE_SNAPSHOTS=1` in the environment, writes the file instead.
pub(crate) fn assert_snapshot(name: &str, tokens: &TokenStream) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("snapshots/{name}.rs"));
    let actual = prettyplease::unparse(&file(tokens));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        assert!(std::fs::write(&path, actual).is_ok(), "cannot write {path:?}");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "the expansion is not what {path:?} holds; look at it and run with UPDATE_SNAPSHOTS=1:\n{actual}"
    );
}

/// Asserts that each source in `mistakes/<name>.txt` has exactly the errors below it: the text that
/// one points at, and its message. A source without any is right. With `UPDATE_SNAPSHOTS=1` in the
/// environment the errors are written instead.
pub(crate) fn assert_mistakes(name: &str, expand: impl Fn(&str) -> TokenStream) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("mistakes/{name}.txt"));
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let records = expected.trim_end().split("\n\n").map(|record| {
        let written = record.lines().take_while(|line| !line.starts_with("  "));
        let mut actual: Vec<_> = written.map(str::to_owned).collect();
        let Some((source, comments)) = actual.split_last() else { panic!("{path:?} has no sources") };
        assert!(comments.iter().all(|line| line.starts_with("//")), "two sources need an empty line between: {record}");
        let tokens = expand(source);
        let found = errors(&tokens);
        assert_eq!(
            tokens.to_string().matches("compile_error").count(),
            found.len(),
            "an error inside an item: {source}"
        );
        for (place, message) in found {
            actual.push(format!("  ^ {place}"));
            actual.push(format!("  {message}"));
        }
        (record, actual.join("\n"))
    });
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        let actual = records.map(|(_, actual)| actual).collect::<Vec<_>>().join("\n\n");
        assert!(std::fs::write(&path, actual + "\n").is_ok(), "cannot write {path:?}");
        return;
    }
    for (record, actual) in records {
        assert!(actual == record, "not what {path:?} holds; look at it and run with UPDATE_SNAPSHOTS=1:\n{actual}");
    }
}
