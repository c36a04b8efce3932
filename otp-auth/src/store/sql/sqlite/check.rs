//! The startup check on `SQLite`. Queries the database about each column with a statement that
//! reads no rows, and takes the rest from the catalog.

use sqlx::sqlite::{SqliteConnection, SqliteRow, SqliteTypeInfo};
use sqlx::{Column as _, Executor as _, Row as _, SqlSafeStr as _, TypeInfo as _};

use super::SqliteStore;
use super::user::Table;
use crate::check::{Finding, FindingKind, SignUps};
use crate::store::sql::check::catalog::{Listed, table_faults, type_fault};
use crate::store::sql::check::findings::{self, Dialect};
use crate::store::sql::check::own_tables::{
    self, BLACKLIST, BUDGETS, CHALLENGES, OwnTable, PRIMARY_KEY, Present, SESSIONS,
};
use crate::store::sql::check::unique::{KeyPart, UniqueIndex};
use crate::store::sql::user::SqlUser;

/// Here the number of a change is the primary key, so the blacklist needs no index for it.
const SQLITE_BLACKLIST: OwnTable = OwnTable { indexes: &["token_blacklist_expires_at"], ..BLACKLIST };

/// A table, where `SQLite` found it.
struct Place {
    schema: String,
    name: String,
    is_view: bool,
    /// Columns contain only values of their type.
    is_strict: bool,
    has_no_rowid: bool,
}

impl SqliteStore {
    pub(super) async fn check_own_tables(&self) -> Result<Vec<Finding>, sqlx::Error> {
        let connection = &mut *self.pool.acquire().await?;
        let mut lacks = Vec::new();
        for table in [&CHALLENGES, &BUDGETS, &SESSIONS, &SQLITE_BLACKLIST] {
            let columns: Vec<(String, i64)> = sqlx::query_as("SELECT name, pk FROM pragma_table_xinfo(?1)")
                .bind(table.name)
                .fetch_all(&mut *connection)
                .await?;
            let mut indexes: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_index_list(?1)")
                .bind(table.name)
                .fetch_all(&mut *connection)
                .await?;
            if columns.iter().any(|(_, key)| *key > 0) {
                indexes.push(PRIMARY_KEY.to_owned());
            }
            let columns = columns.into_iter().map(|(name, _)| name).collect();
            lacks.extend(Present { columns, indexes }.lacks(table));
        }
        let is_recorded: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pragma_table_xinfo('_otp_auth_migrations'))")
                .fetch_one(&mut *connection)
                .await?;
        let recorded = if is_recorded {
            sqlx::query_scalar("SELECT max(version) FROM _otp_auth_migrations").fetch_one(connection).await?
        } else {
            None
        };
        Ok(own_tables::findings(&lacks, recorded))
    }

    pub(super) async fn check_users<U: SqlUser<sqlx::Sqlite>>(
        &self,
        table: &Table,
        sign_ups: SignUps,
    ) -> Result<Vec<Finding>, sqlx::Error> {
        let connection = &mut *self.pool.acquire().await?;
        let Some(place) = place(connection, table).await? else {
            return Ok(vec![findings::no_table(Dialect::Sqlite, table)]);
        };
        let mut findings = Vec::new();
        let mut present = Vec::new();
        for column in &table.columns {
            match sqlx::query(column.probe).persistent(false).fetch_one(&mut *connection).await {
                Ok(row) => {
                    present.push(column);
                    if decides(row.column(0).type_info(), place.is_strict) {
                        findings.extend(type_fault(Dialect::Sqlite, table, column, &row));
                    }
                }
                Err(error) => match fault(&error) {
                    Some(message) if message.starts_with("no such column") => {
                        findings.push(findings::no_column(Dialect::Sqlite, table, column));
                    }
                    Some(message) => {
                        let problem = format!("table `{}` cannot be read ({message})", table.title());
                        return Ok(vec![findings::unreadable(problem)]);
                    }
                    None => return Err(error),
                },
            }
        }
        if let Some(filter) = &table.filter
            && let Err(error) = sqlx::query(filter.probe).persistent(false).fetch_optional(&mut *connection).await
        {
            let Some(message) = fault(&error) else { return Err(error) };
            findings.push(findings::wrong_filter(table, filter, message));
        }
        if !place.is_view {
            let rowid = rowid(connection, &place).await?;
            let listed = listed(connection, &place, rowid.as_deref()).await?;
            let mut indexes = unique_indexes(connection, &place).await?;
            indexes.extend(rowid.map(|key| UniqueIndex {
                name: "primary key".to_owned(),
                keys: vec![KeyPart::Column(key)],
                condition: None,
                is_valid: true,
            }));
            // A column that is not listed is the row id, under one of its names.
            present.retain(|column| listed.iter().any(|listed| Dialect::Sqlite.is_same(&listed.name, column.name)));
            findings.extend(table_faults(Dialect::Sqlite, table, sign_ups, &present, &listed, &indexes));
        }
        if findings.is_empty() {
            let adding = (sign_ups == SignUps::Open).then_some(U::INSERT);
            for statement in adding.into_iter().chain(U::MARK_VERIFIED) {
                findings.extend(not_accepted(connection, table, &place, statement).await?);
            }
        }
        Ok(findings)
    }
}

/// Finds the table as a statement would: without a schema, in the order of the attached databases.
async fn place(connection: &mut SqliteConnection, table: &Table) -> Result<Option<Place>, sqlx::Error> {
    let found: Option<(String, String, bool, bool, bool)> = sqlx::query_as(
        "SELECT tables.schema, tables.name, tables.type = 'view', tables.strict, tables.wr \
         FROM pragma_table_list AS tables JOIN pragma_database_list AS databases ON databases.name = tables.schema \
         WHERE tables.name = ?1 COLLATE NOCASE AND (?2 IS NULL OR tables.schema = ?2 COLLATE NOCASE) \
         ORDER BY databases.name <> 'temp', databases.seq LIMIT 1",
    )
    .bind(table.name)
    .bind(table.schema)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|(schema, name, is_view, is_strict, has_no_rowid)| Place {
        schema,
        name,
        is_view,
        is_strict,
        has_no_rowid,
    }))
}

/// The column that is an alias of the row id, if there is one: `SQLite` fills it in, and needs no
/// index for it.
async fn rowid(connection: &mut SqliteConnection, place: &Place) -> Result<Option<String>, sqlx::Error> {
    if place.has_no_rowid {
        return Ok(None);
    }
    let keys: Vec<(String, bool)> = sqlx::query_as(
        "SELECT name, type = 'INTEGER' COLLATE NOCASE \
         AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1, ?2) WHERE origin = 'pk') \
         FROM pragma_table_xinfo(?1, ?2) WHERE pk > 0",
    )
    .bind(&place.name)
    .bind(&place.schema)
    .fetch_all(connection)
    .await?;
    Ok(match &keys[..] {
        [(name, true)] => Some(name.clone()),
        _ => None,
    })
}

async fn listed(
    connection: &mut SqliteConnection,
    place: &Place,
    rowid: Option<&str>,
) -> Result<Vec<Listed>, sqlx::Error> {
    // A trigger sees what was inserted, and cannot make the column accept NULL.
    let triggers: Vec<String> = sqlx::query_scalar(
        "SELECT sql FROM (SELECT sql, type, tbl_name FROM sqlite_schema \
         UNION ALL SELECT sql, type, tbl_name FROM sqlite_temp_schema) \
         WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE",
    )
    .bind(&place.name)
    .fetch_all(&mut *connection)
    .await?;
    let triggers = triggers.join(" ");
    let rows = sqlx::query(
        "SELECT name, \"notnull\" AS is_required, hidden IN (2, 3) AS is_generated, \
         coalesce(dflt_value, 'NULL') = 'NULL' COLLATE NOCASE AND name IS NOT ?3 AS is_bare \
         FROM pragma_table_xinfo(?1, ?2)",
    )
    .bind(&place.name)
    .bind(&place.schema)
    .bind(rowid)
    .fetch_all(connection)
    .await?;
    let listed = |row: &SqliteRow| {
        let listed = Listed::read(row, &triggers)?;
        Ok(Listed { is_filled: listed.is_filled && !listed.is_required, ..listed })
    };
    rows.iter().map(listed).collect()
}

/// Whether the declared type determines the type of the values. Without STRICT, only `TEXT`,
/// `INTEGER` and `REAL` do, because values are converted. A column of another type contains values
/// as they were written, and a field reads what it wrote. So does a view's column that is an
/// expression.
fn decides(kind: &SqliteTypeInfo, is_strict: bool) -> bool {
    !kind.is_null() && (is_strict || ["TEXT", "INTEGER", "REAL"].contains(&kind.name()))
}

async fn unique_indexes(connection: &mut SqliteConnection, place: &Place) -> Result<Vec<UniqueIndex>, sqlx::Error> {
    let rows: Vec<(String, bool, Option<String>)> = sqlx::query_as(
        "SELECT indexes.name, indexes.partial, keys.name \
         FROM pragma_index_list(?1, ?2) AS indexes, pragma_index_xinfo(indexes.name, ?2) AS keys \
         WHERE indexes.\"unique\" AND keys.key ORDER BY indexes.seq, keys.seqno",
    )
    .bind(&place.name)
    .bind(&place.schema)
    .fetch_all(&mut *connection)
    .await?;
    let mut indexes: Vec<UniqueIndex> = Vec::new();
    for (name, is_partial, column) in rows {
        // The row id cannot be part of a key.
        let key = match column {
            Some(column) => KeyPart::Column(column),
            None => KeyPart::Expression(written(connection, &name).await?.0),
        };
        match indexes.last_mut() {
            Some(last) if last.name == name => last.keys.push(key),
            _ => {
                let condition = if is_partial { Some(written(connection, &name).await?.1) } else { None };
                indexes.push(UniqueIndex { name, keys: vec![key], condition, is_valid: true });
            }
        }
    }
    Ok(indexes)
}

/// The whole key of an index, and its condition, as they were written: `SQLite` does not parse them
/// for us.
async fn written(connection: &mut SqliteConnection, index: &str) -> Result<(String, String), sqlx::Error> {
    let text: Option<String> = sqlx::query_scalar(
        "SELECT sql FROM (SELECT name, sql FROM sqlite_schema UNION ALL SELECT name, sql FROM sqlite_temp_schema) \
         WHERE name = ?1",
    )
    .bind(index)
    .fetch_optional(connection)
    .await?;
    // `CREATE UNIQUE INDEX name ON table (…) WHERE …`, with any whitespace.
    let text = text.iter().flat_map(|text| text.split_whitespace()).collect::<Vec<_>>().join(" ");
    let after = |text: &str, word: &str| text.to_ascii_uppercase().find(word).map(|at| at + word.len());
    let on = after(&text, " ON ").map_or("", |at| &text[at..]);
    let keys = on.split_once('(').map_or("", |(_, keys)| keys);
    let (keys, condition) = match after(&keys.replace(')', " "), " WHERE ") {
        Some(at) => (&keys[..at - " WHERE ".len()], &keys[at..]),
        None => (keys, ""),
    };
    Ok((keys.to_owned(), condition.to_owned()))
}

/// A finding if `SQLite` cannot compile a statement that writes.
async fn not_accepted(
    connection: &mut SqliteConnection,
    table: &Table,
    place: &Place,
    statement: &'static str,
) -> Result<Option<Finding>, sqlx::Error> {
    let Err(error) = connection.prepare(statement.into_sql_str()).await else {
        return Ok(None);
    };
    let Some(message) = fault(&error) else {
        return Err(error);
    };
    let what = if statement.starts_with("INSERT") { "INSERT" } else { "UPDATE" };
    let remedy = if place.is_view {
        format!("run `CREATE TRIGGER … INSTEAD OF {what} ON {} …`, or name the table behind the view", table.quoted)
    } else {
        format!("change the table so that it accepts `{statement}`")
    };
    let problem = format!("`{}` rejects the {what} of a sign-in ({message})", table.title());
    Ok(Some(Finding::new(FindingKind::SignUp, problem, remedy)))
}

/// The message of `SQLite` about a statement that it cannot compile (`SQLITE_ERROR`).
fn fault(error: &sqlx::Error) -> Option<&str> {
    let error = error.as_database_error()?;
    (error.code().as_deref() == Some("1")).then(|| error.message())
}
