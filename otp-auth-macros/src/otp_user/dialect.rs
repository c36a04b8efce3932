//! What differs between the SQL databases: names, placeholders, and how an address is compared.

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

    /// Its word in `stores(...)`, which is also its crate feature and its module in the runtime.
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

    /// A name in quotes. `SQLite` gets backticks: unlike a name in double quotes, it never takes
    /// that for a string.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::MySql => format!("`{}`", name.replace('`', "``")),
            Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// The table, with its schema where one is given.
    pub(super) fn qualified(self, table: &TableName) -> String {
        match &table.schema {
            Some(schema) => format!("{}.{}", self.quoted(schema), self.quoted(&table.table)),
            None => self.quoted(&table.table),
        }
    }

    /// The parameter of this number; the first is 1. `MySQL` knows no numbers.
    pub(super) fn parameter(self, number: usize) -> String {
        match self {
            Self::Sqlite => format!("?{number}"),
            Self::Postgres => format!("${number}"),
            Self::MySql => "?".to_owned(),
        }
    }

    /// The condition that a column holds an address that its collation takes for the given one, as
    /// a unique index of it does. The address is the parameter of this number.
    pub(super) fn is_like_address(self, column: &str, number: usize) -> String {
        format!("{column} = {}", self.parameter(number))
    }

    /// The condition that a column holds another spelling of the given address, as an application's
    /// unique index on `lower(…)` compares. `MySQL` leaves that to the collation of the column.
    pub(super) fn is_spelling(self, column: &str) -> Option<String> {
        match self {
            Self::Sqlite => Some(format!("lower({column}) = lower(?1)")),
            Self::Postgres => Some(format!("lower({column}::text) = lower($1::text)")),
            Self::MySql => None,
        }
    }

    /// The condition that a column holds exactly the given address. A collation of the column may
    /// hold more texts for equal; the first half lets its index find them, the second half picks.
    /// The address has the type of its field, which need not be text. `MySQL` is given it twice;
    /// bytes that are no text become `NULL` in its second half.
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

    /// The end of a select that keeps others from changing the row until the transaction ends, and
    /// not from referring to it; `SQLite` has one writer at a time.
    pub(super) fn locking(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("FOR NO KEY UPDATE"),
            Self::MySql => Some("LOCK IN SHARE MODE"),
        }
    }
}
