//! `stores(...)`: the databases that can store a user struct.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{LitStr, Token};

use super::dialect::Dialect;
use crate::diag::{Error, Errors, Result, mistake, mistake_at, nearest, one_of};

/// The crate features that are enabled in this build of the macros.
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

    /// The SQL databases that are enabled in this build.
    pub(super) fn dialects(self) -> impl Iterator<Item = Dialect> {
        Dialect::ALL.into_iter().filter(move |dialect| self.have(*dialect))
    }
}

/// Reads the words inside `stores(...)`. Naming a database twice is a mistake.
pub(crate) fn read(tokens: TokenStream, key: &Ident, features: Features, errors: &mut Errors) -> Vec<Dialect> {
    if tokens.is_empty() {
        errors.push(mistake(key, format_args!("`stores` is empty: write `stores({})`", Dialect::ALL[0].name())));
    }
    let mut stores = Vec::new();
    let parser = |input: ParseStream<'_>| {
        while !input.is_empty() {
            let (name, place, quoted) = match input.parse::<LitStr>() {
                Ok(text) => (text.value(), text.span(), true),
                Err(_) => input.call(Ident::parse_any).map(|word| (word.to_string(), word.span(), false))?,
            };
            match find(&name, place, features) {
                Ok(store) if stores.contains(&store) => {
                    errors
                        .push(mistake_at(place, format_args!("`{name}` appears twice: remove this one or the first")));
                }
                Ok(store) => {
                    stores.push(store);
                    if quoted {
                        let word = format_args!("write the store without quotes: `{name}`");
                        errors.push(mistake_at(place, word));
                    }
                }
                Err(error) => errors.push(error),
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                if !input.peek(syn::Ident::peek_any) {
                    return Err(input.error(""));
                }
                errors.push(mistake_at(input.span(), "expected `,` before this"));
            }
        }
        Ok(())
    };
    if let Err(error) = parser.parse2(tokens) {
        let names = "`stores` takes names of databases, separated by commas: write `stores(sqlite)`";
        errors.push(mistake_at(error.span(), names));
    }
    stores
}

/// An error that says how to enable a crate feature. `need` says what needs it.
pub(crate) fn missing_feature(place: Span, need: &str, feature: &str) -> Error {
    mistake_at(place, format_args!("{need}: add `\"{feature}\"` to the `features` of otp-auth in Cargo.toml"))
}

/// The database called `name`, if it is enabled in this build.
fn find(name: &str, place: Span, features: Features) -> Result<Dialect> {
    const ALIASES: [(&str, &str); 6] = [
        ("mariadb maria mysqlstore", "write `mysql`, which is also for MariaDB"),
        ("postgresql postgre pg pgsql psql postgresstore", "write `postgres`"),
        ("sqlite3 sqlitestore", "write `sqlite`"),
        ("mongodb mongo mongostore", "write `collection = \"users\"` instead"),
        ("memory memorystore inmemory in_memory", "`MemoryStore` needs no word here, so remove it"),
        ("mssql sqlserver libsql turso cockroach cockroachdb redis oracle dynamodb", UNSUPPORTED),
    ];
    const UNSUPPORTED: &str = "write `sqlite`, `postgres` or `mysql`, or for MongoDB `collection = \"users\"`; for \
                               another database, implement the traits of `otp_auth::store`";
    if let Some(store) = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name) {
        return if features.have(store) {
            Ok(store)
        } else {
            let need = format!("the `{name}` store needs the crate feature of that name");
            Err(missing_feature(place, &need, name))
        };
    }
    let lower = name.to_ascii_lowercase();
    let alias = ALIASES.iter().find(|(words, _)| words.split(' ').any(|word| word == lower));
    let names = || Dialect::ALL.into_iter().map(Dialect::name);
    let help = match (alias, nearest(name, names())) {
        (Some((_, advice)), _) => (*advice).to_owned(),
        (None, Some(meant)) => format!("did you mean `{meant}`?"),
        (None, None) => format!("write {}", one_of(names())),
    };
    Err(mistake_at(place, format_args!("`stores(...)` has no `{name}`: {help}")))
}
