//! What the check at the start makes of the columns and unique indexes that a
//! catalog lists, on any SQL database.

use sqlx::Database;

use super::findings::{self, Dialect};
use super::shape::{Column, Table};
use super::unique::{UniqueIndex, is_unique};
use crate::check::Finding;

/// A column in the catalog.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    /// NULL is an error.
    pub(super) is_required: bool,
    /// Has neither a default nor a value from the database itself.
    pub(super) is_bare: bool,
    /// Refuses the value of an INSERT.
    pub(super) is_generated: bool,
}

/// The columns for which a first sign-in has no value, or one too many.
pub(super) fn sign_up_faults<DB: Database>(dialect: Dialect, table: &Table<DB>, listed: &[Listed]) -> Vec<Finding> {
    let fault = |listed: &Listed| {
        let column = table.columns.iter().find(|column| dialect.is_same(column.name, &listed.name));
        if let Some(column) = column.filter(|column| column.is_given) {
            return listed.is_generated.then(|| findings::takes_no_value(table, column));
        }
        let is_needed = listed.is_required || dialect.is_same(&listed.name, table.id);
        let is_missing = is_needed && listed.is_bare && !listed.is_generated;
        is_missing.then(|| findings::no_value(dialect, table, &listed.name, column))
    };
    listed.iter().filter_map(fault).collect()
}

/// The id and the address, where nothing keeps two users from having the same
/// one. Only columns that are `present` are looked at.
pub(super) fn unique_faults<DB: Database>(
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
        let instead = is_unique(column.name, &names, filter, indexes, same).err()?;
        Some(findings::not_unique(dialect, table, column, instead.as_deref()))
    };
    present.iter().filter(|column| [table.id, table.email].contains(&column.name)).filter_map(fault).collect()
}
