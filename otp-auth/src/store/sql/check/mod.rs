//! What the startup check knows about SQL databases in general. Each backend has a `check.rs`,
//! which asks its catalog.

pub(crate) mod catalog;
pub(crate) mod findings;
pub(crate) mod own_tables;
mod tokens;
pub(crate) mod unique;
pub(crate) mod user_table;
