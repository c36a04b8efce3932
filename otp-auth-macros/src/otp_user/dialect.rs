//! Differences between the SQL databases: quoting, placeholders, locks, and how addresses are
//! compared.

use crate::value::TableName;

/// A kind of SQL database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

impl Dialect {
    pub(super) const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::MySql];

    /// Its name in `stores(...)`, which is also its crate feature and its module in the runtime.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }

    /// Its name in messages.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
        }
    }

    /// A quoted name. `SQLite` gets backticks, because it can take an unknown name in double quotes
    /// for a string.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::MySql => format!("`{}`", name.replace('`', "``")),
            Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// The table, with its schema if it has one.
    pub(super) fn qualified(self, table: &TableName) -> String {
        match &table.schema {
            Some(schema) => format!("{}.{}", self.quoted(schema), self.quoted(&table.table)),
            None => self.quoted(&table.table),
        }
    }

    /// The placeholder with this number, starting at 1. `MySQL` has no numbered placeholders.
    pub(super) fn parameter(self, number: usize) -> String {
        match self {
            Self::Sqlite => format!("?{number}"),
            Self::Postgres => format!("${number}"),
            Self::MySql => "?".to_owned(),
        }
    }

    /// The condition that the collation of a column considers its value equal to the given address,
    /// as a unique index on the column does. The address is the parameter with this number.
    pub(super) fn is_like_address(self, column: &str, number: usize) -> String {
        format!("{column} = {}", self.parameter(number))
    }

    /// The condition that a column holds another spelling of the given address, as a unique index
    /// on `lower(…)` compares. `None` for `MySQL`, where the column's collation decides.
    pub(super) fn is_spelling(self, column: &str) -> Option<String> {
        match self {
            Self::Sqlite => Some(format!("lower({column}) = lower(?1)")),
            Self::Postgres => Some(format!("lower({column}::text) = lower($1::text)")),
            Self::MySql => None,
        }
    }

    /// The condition that a column holds exactly the given address. The column's collation may
    /// consider more text equal: the first half can use its index, the second half compares
    /// exactly. The address has the type of its field, which may not be text. `MySQL` binds it
    /// twice; bytes that are not text become `NULL` in its second half.
    pub(super) fn is_address(self, column: &str, number: usize) -> String {
        let like = self.is_like_address(column, number);
        let parameter = self.parameter(number);
        let exactly = match self {
            Self::Sqlite => format!("{column} COLLATE BINARY = {parameter}"),
            Self::Postgres => format!("{column}::text COLLATE \"C\" = {parameter}::text"),
            Self::MySql => {
                format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY) <=> CAST(CONVERT(? USING utf8mb4) AS BINARY)")
            }
        };
        format!("{like} AND {exactly}")
    }

    /// The end of a `SELECT` that locks the row. Until the transaction ends, others can refer to
    /// the row but not change it. `SQLite` has only one writer at a time.
    pub(super) fn locking(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("FOR NO KEY UPDATE"),
            Self::MySql => Some("LOCK IN SHARE MODE"),
        }
    }
}
