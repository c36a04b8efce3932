//! `stores(...)`: the databases that a user struct can be stored in.

use darling::error::Accumulator;
use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{LitStr, Token};

use super::dialect::Dialect;
use crate::diag::{mistake, nearest, one_of};

/// The crate features that this build of the macros has.
#[allow(clippy::struct_excessive_bools, reason = "each is a crate feature, on or off on its own")]
#[derive(Clone, Copy)]
pub(crate) struct Features {
    pub(crate) sqlite: bool,
    pub(crate) postgres: bool,
    pub(crate) mysql: bool,
    pub(crate) mongodb: bool,
}

impl Features {
    pub(crate) const COMPILED: Self = Self {
        sqlite: cfg!(feature = "sqlite"),
        postgres: cfg!(feature = "postgres"),
        mysql: cfg!(feature = "mysql"),
        mongodb: cfg!(feature = "mongodb"),
    };

    fn have(self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
            Dialect::MySql => self.mysql,
        }
    }

    /// The SQL databases that this build has.
    pub(super) fn dialects(self) -> impl Iterator<Item = Dialect> {
        Dialect::ALL.into_iter().filter(move |dialect| self.have(*dialect))
    }
}

/// The words inside `stores(...)`: each database once.
pub(crate) fn read(tokens: TokenStream, key: &Ident, features: Features, errors: &mut Accumulator) -> Vec<Dialect> {
    if tokens.is_empty() {
        errors.push(mistake(key, format_args!("`stores` names no store: write `stores({})`", Dialect::ALL[0].name())));
    }
    let mut stores = Vec::new();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let word = input.call(Ident::parse_any)?;
            match find(&word, features) {
                Ok(store) if stores.contains(&store) => {
                    errors.push(mistake(&word, format_args!("`{word}` is given twice: remove this one or the first")));
                }
                Ok(store) => stores.push(store),
                Err(error) => errors.push(error),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    // A string is the one likely slip in the form.
    let quoted = |tokens: TokenStream| syn::parse2::<LitStr>(tokens).ok();
    if let Some(text) = quoted(tokens.clone()) {
        errors
            .push(mistake(&text, format_args!("a store is a word, without quotes: write `stores({})`", text.value())));
    } else if let Err(error) = parser.parse2(tokens) {
        errors.push(mistake(
            &error.span(),
            format_args!(
                "`stores` takes names of stores, separated by commas: write `stores({})`",
                Dialect::ALL[0].name()
            ),
        ));
    }
    stores
}

/// How to turn on a crate feature; `need` says what needs it.
pub(crate) fn missing_feature(place: &Ident, need: &str, feature: &str) -> darling::Error {
    mistake(
        place,
        format_args!(
            "{need}: otp-auth = {{ version = \"{}\", features = [\"{feature}\"] }}",
            env!("CARGO_PKG_VERSION")
        ),
    )
}

/// The database called `word`, if this build has it.
fn find(word: &Ident, features: Features) -> darling::Result<Dialect> {
    let name = word.to_string();
    if let Some(store) = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name) {
        return if features.have(store) {
            Ok(store)
        } else {
            Err(missing_feature(word, &format!("the `{name}` store needs the crate feature of that name"), &name))
        };
    }
    if name == "mongodb" {
        let instead = "`stores` is for tables; a MongoDB collection is named by `collection = \"users\"`";
        return Err(mistake(word, instead));
    }
    let names = || Dialect::ALL.into_iter().map(Dialect::name);
    let has = format!("the stores it has are {}", one_of(names()));
    Err(mistake(
        word,
        if let Some(meant) = nearest(&name, names()) {
            format!("there is no store `{name}`; did you mean `{meant}`?")
        } else {
            format!("there is no store `{name}` in this version of otp-auth; {has}")
        },
    ))
}
