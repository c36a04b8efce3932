//! `stores(...)`: the backends that a user struct can be stored in.
//!
//! A new backend is an arm of [`Store`] and a file that expands it.

use darling::error::Accumulator;
use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{LitStr, Token};

use super::dialect::Dialect;
use super::model::{Model, Table};
use super::sql;
use crate::diag::{mistake, nearest, one_of};
use crate::syntax::Root;

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
}

/// A backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
    MySql,
}

impl Store {
    const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MySql];

    /// The backend's word, which is also its crate feature.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// The backends that this build has.
    pub(crate) fn compiled(features: Features) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |store| store.is_compiled(features))
    }

    fn is_compiled(self, features: Features) -> bool {
        match self {
            Self::Sqlite => features.sqlite,
            Self::Postgres => features.postgres,
            Self::MySql => features.mysql,
        }
    }

    fn dialect(self) -> Dialect {
        match self {
            Self::Sqlite => Dialect::Sqlite,
            Self::Postgres => Dialect::Postgres,
            Self::MySql => Dialect::MySql,
        }
    }

    /// The impl of the backend's trait for a user struct.
    pub(crate) fn expand(self, model: &Model, table: &Table) -> TokenStream {
        sql::expand(self.dialect(), model, table)
    }

    /// The members of the stand-in impl, with the trait they belong to.
    pub(crate) fn stand_in(self, root: &Root) -> (TokenStream, TokenStream) {
        let dialect = self.dialect();
        (dialect.user_trait(root), sql::stand_in(dialect, root))
    }

    fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::name)
    }
}

/// The words inside `stores(...)`: each backend once.
pub(crate) fn read(tokens: TokenStream, key: &Ident, features: Features, errors: &mut Accumulator) -> Vec<Store> {
    if tokens.is_empty() {
        errors.push(mistake(key, format_args!("`stores` names no store: write `stores({})`", Store::ALL[0].name())));
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
                Store::ALL[0].name()
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

/// The backend called `word`, if this build has it.
fn find(word: &Ident, features: Features) -> darling::Result<Store> {
    let name = word.to_string();
    if let Some(store) = Store::ALL.into_iter().find(|store| store.name() == name) {
        return if store.is_compiled(features) {
            Ok(store)
        } else {
            Err(missing_feature(word, &format!("the `{name}` store needs the crate feature of that name"), &name))
        };
    }
    if name == "mongodb" {
        let instead = "`stores` is for tables; a MongoDB collection is named by `collection = \"users\"`";
        return Err(mistake(word, instead));
    }
    let has = format!("the stores it has are {}", one_of(Store::names()));
    Err(mistake(
        word,
        if let Some(meant) = nearest(&name, Store::names()) {
            format!("there is no store `{name}`; did you mean `{meant}`?")
        } else {
            format!("there is no store `{name}` in this version of otp-auth; {has}")
        },
    ))
}
