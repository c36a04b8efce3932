//! The startup check on `MySQL` and `MariaDB`. Queries the server about each column with a
//! statement that reads no rows, and takes the rest from the catalog.

use sqlx::mysql::MySqlConnection;
use sqlx::{Connection as _, Executor as _, Row as _, SqlSafeStr as _};

use super::MySqlStore;
use super::user::Table;
use crate::check::{Finding, FindingKind, SignUps};
use crate::store::sql::check::catalog::{Listed, table_faults, type_fault};
use crate::store::sql::check::findings::{self, Dialect};
use crate::store::sql::check::own_tables::{
    self, BLACKLIST, BUDGETS, CHALLENGES, OwnTable, PRIMARY_KEY, Present, SESSIONS,
};
use crate::store::sql::check::unique::{KeyPart, UniqueIndex, conditional};
use crate::store::sql::user::SqlUser;

/// Counts the changes to the blacklist of a realm.
const REALMS: OwnTable = OwnTable { name: "otp_realms", columns: &["realm", "changes"], indexes: &[] };

/// A table in the catalog, with the names as the server stores them.
struct Place {
    schema: String,
    name: String,
    is_view: bool,
    takes_rows: bool,
    /// Whether a missing value for a required column is an error.
    is_strict: bool,
}

impl MySqlStore {
    pub(super) async fn check_own_tables(&self) -> Result<Vec<Finding>, sqlx::Error> {
        let connection = &mut *self.pool.acquire().await?;
        let mut lacks = Vec::new();
        for table in [&CHALLENGES, &BUDGETS, &SESSIONS, &BLACKLIST, &REALMS] {
            let columns = sqlx::query_scalar(
                "SELECT CONVERT(column_name USING utf8mb4) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = ?",
            )
            .bind(table.name)
            .fetch_all(&mut *connection)
            .await?;
            let indexes = sqlx::query_scalar(
                "SELECT DISTINCT IF(index_name = 'PRIMARY', ?, CONVERT(index_name USING utf8mb4)) \
                 FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ?",
            )
            .bind(PRIMARY_KEY)
            .bind(table.name)
            .fetch_all(&mut *connection)
            .await?;
            lacks.extend(Present { columns, indexes }.lacks(table));
        }
        let is_recorded: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = '_otp_auth_migrations'",
        )
        .fetch_one(&mut *connection)
        .await?;
        let recorded = if is_recorded > 0 {
            sqlx::query_scalar("SELECT MAX(version) FROM _otp_auth_migrations WHERE success")
                .fetch_one(connection)
                .await?
        } else {
            None
        };
        Ok(own_tables::findings(&lacks, recorded))
    }

    /// Uses one connection, because temporary tables and the SQL mode belong to the session.
    pub(super) async fn check_users<U: SqlUser<sqlx::MySql>>(
        &self,
        table: &Table,
        sign_ups: SignUps,
    ) -> Result<Vec<Finding>, sqlx::Error> {
        let connection = &mut *self.pool.acquire().await?;
        let Some(place) = place(connection, table).await? else {
            return Ok(vec![findings::no_table(Dialect::MySql, table)]);
        };
        let mut findings = Vec::new();
        let mut present = Vec::new();
        for column in &table.columns {
            match sqlx::query(column.probe).persistent(false).fetch_one(&mut *connection).await {
                Ok(row) => {
                    present.push(column);
                    findings.extend(type_fault(Dialect::MySql, table, column, &row));
                }
                Err(error) => match number(&error) {
                    Some(NO_COLUMN) => findings.push(findings::no_column(Dialect::MySql, table, column)),
                    Some(NOT_ALLOWED_COLUMN | NOT_ALLOWED_TABLE) => {
                        present.push(column);
                        findings.push(not_allowed(&format!("SELECT on {} of", column.quoted), table));
                    }
                    Some(BROKEN_VIEW) => {
                        let problem = format!("the view `{}` refers to something that does not exist", table.title());
                        return Ok(vec![findings::unreadable(problem)]);
                    }
                    _ => return Err(error),
                },
            }
        }
        if let Some(filter) = &table.filter
            && let Err(error) = sqlx::query(filter.probe).persistent(false).fetch_optional(&mut *connection).await
        {
            match (number(&error), error.as_database_error()) {
                (Some(number), Some(said)) if !OF_THE_MOMENT.contains(&number) => {
                    findings.push(findings::wrong_filter(table, filter, said.message()));
                }
                _ => return Err(error),
            }
        }
        if place.is_view {
            findings.extend(not_written(table, &place, sign_ups));
        } else {
            let listed = listed(connection, &place).await?;
            let indexes = unique_indexes(connection, table, &place).await?;
            findings.extend(table_faults(Dialect::MySql, table, sign_ups, &present, &listed, &indexes));
        }
        if findings.is_empty() {
            // The server checks privileges when it prepares a statement, so a cached one proves
            // nothing.
            connection.clear_cached_statements().await?;
            let adding = (sign_ups == SignUps::Open).then_some(("INSERT on", U::INSERT));
            let marking = U::MARK_VERIFIED.map(|statement| ("UPDATE on", statement));
            for (right, statement) in adding.into_iter().chain(marking) {
                if let Err(error) = connection.prepare(statement.into_sql_str()).await {
                    match (number(&error), error.as_database_error()) {
                        (Some(NOT_ALLOWED_COLUMN | NOT_ALLOWED_TABLE), _) => findings.push(not_allowed(right, table)),
                        (Some(number), Some(said)) if !OF_THE_MOMENT.contains(&number) => {
                            findings.push(not_accepted(right, table, said.message()));
                        }
                        _ => return Err(error),
                    }
                }
            }
        }
        Ok(findings)
    }
}

async fn place(connection: &mut MySqlConnection, table: &Table) -> Result<Option<Place>, sqlx::Error> {
    // The server compares the names, and may be case-sensitive.
    let found: Option<(String, String, bool, bool, bool)> = sqlx::query_as(
        "SELECT CONVERT(tables.table_schema USING utf8mb4), CONVERT(tables.table_name USING utf8mb4), \
         tables.table_type LIKE '%VIEW', \
         COALESCE((SELECT is_updatable FROM information_schema.views \
             WHERE views.table_schema = tables.table_schema AND views.table_name = tables.table_name), 'YES') = 'YES', \
         @@sql_mode LIKE '%STRICT\\_%' \
         FROM information_schema.tables WHERE tables.table_schema = COALESCE(?, DATABASE()) AND tables.table_name = ?",
    )
    .bind(table.schema)
    .bind(table.name)
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|(schema, name, is_view, takes_rows, is_strict)| Place {
        schema,
        name,
        is_view,
        takes_rows,
        is_strict,
    }))
}

async fn listed(connection: &mut MySqlConnection, place: &Place) -> Result<Vec<Listed>, sqlx::Error> {
    let triggers: Vec<String> = sqlx::query_scalar(
        "SELECT CONVERT(action_statement USING utf8mb4) FROM information_schema.triggers \
         WHERE event_object_schema = ? AND event_object_table = ? \
         AND action_timing = 'BEFORE' AND event_manipulation = 'INSERT'",
    )
    .bind(&place.schema)
    .bind(&place.name)
    .fetch_all(&mut *connection)
    .await?;
    let triggers = triggers.join(" ");
    // Without strict mode, a required column gets a value anyway, and an ENUM always gets its first
    // member.
    let rows = sqlx::query(
        "SELECT CONVERT(column_name USING utf8mb4) AS name, is_nullable = 'NO' AS is_required, \
         NOT (is_nullable = 'NO' AND (data_type = 'enum' OR NOT ?)) AND (column_default IS NULL OR column_default = 'NULL') AND extra NOT LIKE '%auto_increment%' \
             AND extra NOT LIKE '%GENERATED%' AS is_bare, \
         extra LIKE '%VIRTUAL%' OR extra LIKE '%STORED%' OR extra LIKE '%PERSISTENT%' AS is_generated \
         FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
    )
    .bind(place.is_strict)
    .bind(&place.schema)
    .bind(&place.name)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Listed::read(row, &triggers)).collect()
}

async fn unique_indexes(
    connection: &mut MySqlConnection,
    table: &Table,
    place: &Place,
) -> Result<Vec<UniqueIndex>, sqlx::Error> {
    // Only `MySQL` has indexes on expressions; their text has its own catalog column.
    let text: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'information_schema' \
         AND table_name = 'STATISTICS' AND column_name = 'EXPRESSION'",
    )
    .fetch_optional(&mut *connection)
    .await?;
    let statement = if text.is_some() {
        "SELECT CONVERT(statistics.index_name USING utf8mb4) AS name, \
         CONVERT(statistics.column_name USING utf8mb4) AS column_part, \
         CONVERT(COALESCE(statistics.expression, columns.generation_expression) USING utf8mb4) AS expression_part \
         FROM information_schema.statistics \
         LEFT JOIN information_schema.columns USING (table_schema, table_name, column_name) \
         WHERE table_schema = ? AND table_name = ? AND non_unique = 0 ORDER BY index_name, seq_in_index"
    } else {
        "SELECT CONVERT(statistics.index_name USING utf8mb4) AS name, \
         CONVERT(statistics.column_name USING utf8mb4) AS column_part, \
         CONVERT(columns.generation_expression USING utf8mb4) AS expression_part \
         FROM information_schema.statistics \
         LEFT JOIN information_schema.columns USING (table_schema, table_name, column_name) \
         WHERE table_schema = ? AND table_name = ? AND non_unique = 0 ORDER BY index_name, seq_in_index"
    };
    let rows = sqlx::query(statement).bind(&place.schema).bind(&place.name).fetch_all(connection).await?;
    let mut indexes: Vec<UniqueIndex> = Vec::new();
    for row in rows {
        let name: String = row.try_get("name")?;
        // The expression of the index itself, or of a generated column.
        let expression: String = row.try_get::<Option<String>, _>("expression_part")?.unwrap_or_default();
        // If the id or the address is itself a generated column, the key is the column.
        let is_itself = |column: &str| [table.id, table.email].iter().any(|name| Dialect::MySql.is_same(name, column));
        let key = match row.try_get::<Option<String>, _>("column_part")? {
            Some(column) if expression.is_empty() || is_itself(&column) => KeyPart::Column(column),
            _ => KeyPart::Expression(unescaped(&expression)),
        };
        match indexes.last_mut() {
            Some(last) if last.name == name => last.keys.push(key),
            _ => indexes.push(UniqueIndex { name, keys: vec![key], condition: None, is_valid: true }),
        }
    }
    for index in &mut indexes {
        for key in &mut index.keys {
            if let KeyPart::Expression(expression) = key
                && index.condition.is_none()
                && let Some((condition, column)) = conditional(expression)
            {
                *key = KeyPart::Column(column);
                index.condition = Some(condition);
            }
        }
        // Besides the address, `IF(condition, 1, NULL)` is only the condition.
        let is_literal = |key: &KeyPart| matches!(key, KeyPart::Column(name) if name.starts_with(|c: char| c == '\'' || c.is_ascii_digit()));
        if index.keys.len() > 1 {
            index.keys.retain(|key| !is_literal(key));
        }
    }
    Ok(indexes)
}

/// A statement of a sign-in that the server rejects.
fn not_accepted(statement: &str, table: &Table, said: &str) -> Finding {
    Finding::new(
        FindingKind::SignUp,
        format!("the {statement} `{}` that a sign-in needs fails ({said})", table.title()),
        "change the table, or name the right one: `#[otp_user(table = \"…\")]`",
    )
}

/// An expression without the backslashes of the catalog: `MySQL` prints `_utf8mb4\'person\'`, and
/// `MariaDB` `'it\'s'`.
fn unescaped(expression: &str) -> String {
    let first = expression.find('\'').unwrap_or_default();
    let quote = if expression[..first].ends_with('\\') { "'" } else { "''" };
    expression.replace("\\'", quote)
}

/// Unknown column; a view of something that no longer exists; a command denied for a table or a
/// column.
const NO_COLUMN: u16 = 1054;
const BROKEN_VIEW: u16 = 1356;
const NOT_ALLOWED_TABLE: u16 = 1142;
const NOT_ALLOWED_COLUMN: u16 = 1143;

/// Errors about the state of the server and not about a statement: too many connections, out of
/// memory or other resources, a shutdown, changed rows and tables, locks, a killed statement or
/// connection, a timeout.
const OF_THE_MOMENT: [u16; 15] =
    [1020, 1037, 1038, 1040, 1041, 1053, 1205, 1213, 1226, 1317, 1412, 1927, 1969, 3024, 4031];

fn number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?;
    Some(error.number())
}

/// A view that cannot be written to.
fn not_written(table: &Table, place: &Place, sign_ups: SignUps) -> Option<Finding> {
    let is_written = sign_ups == SignUps::Open || table.verified.is_some();
    (is_written && !place.takes_rows).then(|| {
        Finding::new(
            FindingKind::SignUp,
            format!("`{}` cannot be written to", table.title()),
            "name the table behind the view: `#[otp_user(table = \"…\")]`",
        )
    })
}

fn not_allowed(right: &str, table: &Table) -> Finding {
    let table = table.quoted;
    findings::not_allowed(&format!("{right} {table}"), &format!("SELECT, INSERT, UPDATE ON {table}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_of_the_catalog_is_read_on_either_server() {
        assert_eq!(unescaped("(`kind` = _utf8mb4\\'person\\')"), "(`kind` = _utf8mb4'person')");
        assert_eq!(unescaped("`kind` = 'it\\'s' and `a` <> ''"), "`kind` = 'it''s' and `a` <> ''");
        assert_eq!(unescaped("lower(`email`)"), "lower(`email`)");
    }

    #[test]
    fn a_view_must_take_what_a_sign_in_writes() {
        for (takes_rows, sign_ups, verified, is_told) in [
            (false, SignUps::Open, Some("ok"), true),
            (false, SignUps::Open, None, true),
            (false, SignUps::Closed, Some("ok"), true),
            (false, SignUps::Closed, None, false),
            (true, SignUps::Open, Some("ok"), false),
        ] {
            let (name, columns) = ("users", Vec::new());
            let table =
                Table { schema: None, name, quoted: name, id: "id", email: "email", verified, filter: None, columns };
            let (schema, name) = (String::new(), name.to_owned());
            let place = Place { schema, name, is_view: true, takes_rows, is_strict: true };
            let told = not_written(&table, &place, sign_ups).map(|finding| finding.problem().to_owned());
            assert_eq!(told, is_told.then(|| "`users` cannot be written to".to_owned()), "{sign_ups:?} {verified:?}");
        }
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn an_error_has_the_number_of_the_server() {
        let error = crate::store::sql::failure::tests::of_mysql(NO_COLUMN, "42S22", "x").await;
        assert_eq!((number(&error), number(&sqlx::Error::RowNotFound)), (Some(NO_COLUMN), None));
    }
}
