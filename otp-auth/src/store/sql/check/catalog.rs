//! What the startup check concludes from the columns and unique indexes in a catalog, on any SQL
//! database.

use sqlx::{Column as _, Database, Error, Row as _, TypeInfo as _};

use super::findings::{self, Dialect};
use super::unique::{UniqueIndex, is_unique};
use super::user_table::{Column, Given, Table};
use crate::check::{Finding, SignUps};
use crate::store::sql::row::{OwnRow, needed};

/// A column in the catalog.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is an answer of the catalog, true or not on its own")]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// Rejects NULL.
    pub(crate) is_required: bool,
    /// Has no default and no value that the database generates.
    pub(crate) is_bare: bool,
    /// Rejects a value from an INSERT.
    pub(crate) is_generated: bool,
    /// A trigger may set it.
    pub(crate) is_filled: bool,
}

impl Listed {
    /// Reads a row of the catalog; `triggers` is the text of the triggers.
    pub(crate) fn read(row: &impl OwnRow, triggers: &str) -> Result<Self, Error> {
        let name = needed(row.text("name")?, "name")?.to_owned();
        Ok(Self {
            is_filled: is_named(triggers, &name),
            name,
            is_required: row.flag("is_required")?,
            is_bare: row.flag("is_bare")?,
            is_generated: row.flag("is_generated")?,
        })
    }
}

/// A finding if the field cannot read the column of a probe's row. As in sqlx, only the types
/// decide.
pub(crate) fn type_fault<DB: Database>(
    dialect: Dialect,
    table: &Table<DB>,
    column: &Column<DB>,
    row: &DB::Row,
) -> Option<Finding> {
    let kind = row.columns().first()?.type_info();
    let is_wrong = !(column.field.is_compatible)(kind);
    is_wrong.then(|| findings::wrong_type(dialect, table, column, kind.name()))
}

/// Whether a trigger's text names a column, so that it may set it.
fn is_named(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(&name)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + name.len()..].chars().next()))
}

/// What is wrong with the columns and indexes of a table, unlike a view. Checks only columns that
/// are `present`.
pub(crate) fn table_faults<DB: Database>(
    dialect: Dialect,
    table: &Table<DB>,
    sign_ups: SignUps,
    present: &[&Column<DB>],
    listed: &[Listed],
    indexes: &[UniqueIndex],
) -> Vec<Finding> {
    let of_sign_ups = (sign_ups == SignUps::Open).then(|| sign_up_faults(dialect, table, listed));
    let of_indexes = unique_faults(dialect, table, present, listed, indexes);
    of_sign_ups.into_iter().flatten().chain(of_indexes).collect()
}

/// The columns that a first sign-in leaves without a value they need, or sets to a value they
/// reject.
fn sign_up_faults<DB: Database>(dialect: Dialect, table: &Table<DB>, listed: &[Listed]) -> Vec<Finding> {
    let fault = |listed: &Listed| {
        let column = table.columns.iter().find(|column| dialect.is_same(column.name, &listed.name));
        if let Some(column) = column.filter(|column| column.given != Given::Nothing) {
            if listed.is_generated {
                return Some(findings::takes_no_value(table, column));
            }
            let is_refused = column.is_null() && listed.is_required && !listed.is_filled;
            return is_refused.then(|| findings::takes_no_null(table, column, listed.is_bare));
        }
        if !listed.is_bare || listed.is_generated || listed.is_filled {
            return None;
        }
        if listed.is_required || dialect.is_same(&listed.name, table.id) {
            return Some(findings::no_value(dialect, table, &listed.name, column));
        }
        // `SQLite` reads it as empty text or zero, but not as JSON.
        let reads_no_null = |column: &&Column<DB>| match dialect {
            #[cfg(feature = "sqlite")]
            Dialect::Sqlite => column.field.is_json,
            #[cfg(any(feature = "mysql", feature = "postgres"))]
            _ => column.reads_no_null(),
        };
        Some(findings::reads_no_null(dialect, table, column.filter(reads_no_null)?))
    };
    listed.iter().filter_map(fault).collect()
}

/// The id and the address, if nothing prevents two users from having the same one.
fn unique_faults<DB: Database>(
    dialect: Dialect,
    table: &Table<DB>,
    present: &[&Column<DB>],
    listed: &[Listed],
    indexes: &[UniqueIndex],
) -> Vec<Finding> {
    let names: Vec<_> = listed.iter().map(|listed| listed.name.clone()).collect();
    let filter = table.filter.as_ref().map(|filter| filter.text);
    let fault = |column: &&Column<DB>| {
        let same = |one: &str, other: &str| dialect.is_same(one, other);
        let near = is_unique(column.name, &names, filter, indexes, same).err()?;
        Some(findings::not_unique(dialect, table, column, near.as_ref()))
    };
    present.iter().filter(|column| [table.id, table.email].contains(&column.name)).filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_trigger_names_a_column_in_whole_words() {
        for (text, named) in [
            ("BEGIN NEW.full_name := 'x'; RETURN NEW; END", true),
            ("SET NEW.`Full_Name` = 'x'", true),
            ("full_name", true),
            ("BEGIN NEW.updated_at = now(); RETURN NEW; END", false),
            ("SET NEW.full_name_2 = 'x', NEW.not_full_name = 'y'", false),
            ("", false),
        ] {
            assert_eq!(is_named(text, "full_name"), named, "{text}");
        }
        assert!(is_named("SET NEW.`full name` = 'x'", "Full Name"));
    }
}
